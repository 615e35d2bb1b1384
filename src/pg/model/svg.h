/*
 * model/svg.h: pictures of molecules.
 */
#ifndef HAMNET_MODEL_SVG_H
#define HAMNET_MODEL_SVG_H

#include "hamnet/draw.h"

/* How a molecule is drawn if nothing else is said. */
extern const HnDrawStyle default_draw_style;

/* Draw molecules as one picture; reports every failure. The backend's core is used. */
extern text *DrawMolecules(const HnDrawing *drawings, int count, const HnDrawStyle *style);

#endif
