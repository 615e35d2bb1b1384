/*
 * train/chart.h: charts of points, lines and bars, as SVG.
 */
#ifndef HAMNET_TRAIN_CHART_H
#define HAMNET_TRAIN_CHART_H

#include "lib/stringinfo.h"

/* Size of a chart in pixels. */
#define CHART_WIDTH 380
#define CHART_HEIGHT 320

/* Colours that can be told apart, also by the colour-blind. */
#define CHART_COLOURS 8
extern const char *const chart_colours[CHART_COLOURS];
#define CHART_GREY "#888"

typedef struct Axis
{
	const char *label;
	double		low;
	double		high;
} Axis;

/* Several charts side by side make a picture. */
typedef struct Picture
{
	StringInfoData svg;
	int			columns;
	int			charts;			/* so far */
	Axis		x;				/* of the current chart */
	Axis		y;
} Picture;

/* Begin a picture of so many charts. */
extern void BeginPicture(Picture *picture, int charts);

/* Begin the next chart: its axes are widened to round numbers, and drawn. Texts are escaped. */
extern void BeginChart(Picture *picture, const char *title, const char *subtitle, Axis x, Axis y);

/* Draw in it; what is not finite is left out. */
extern void ChartPoint(Picture *picture, double x, double y, double radius, const char *colour, double opacity);
extern void ChartLine(Picture *picture, int count, const double *x, const double *y, const char *colour, double width);
extern void ChartSegment(Picture *picture, double x1, double y1, double x2, double y2, const char *colour, double opacity);

/* Name a colour: entry i of the legend, at the top or from the bottom up. */
extern void ChartKey(Picture *picture, int i, bool top, const char *name, const char *colour);

extern void EndChart(Picture *picture);

/* The picture as a text. */
extern text *EndPicture(Picture *picture);

#endif
