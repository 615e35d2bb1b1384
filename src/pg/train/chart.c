/*
 * train/chart.c: charts of points, lines and bars, as SVG.
 */
#include "postgres.h"

#include <math.h>

#include "utils/builtins.h"

#include "hamnet/draw.h"

#include "server/core.h"
#include "train/chart.h"

/* Where the plot begins and ends within a chart. */
#define LEFT 62
#define RIGHT (CHART_WIDTH - 16)
#define TOP 50
#define BOTTOM (CHART_HEIGHT - 46)

/* Steps of an axis, about. */
#define STEPS 5

/* Charts side by side. */
#define COLUMNS 3

const char *const chart_colours[CHART_COLOURS] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000", "#b8a800"};

/* A text as it may stand in the picture. */
static const char *
Escape(const char *text)
{
	HnContext  *context = BeginCore();
	const char *escaped;

	if (hn_escape_markup(context, text, &escaped) != HN_OK)
		ReportCoreError(context, NULL);
	return escaped;
}

void
BeginPicture(Picture *picture, int charts)
{
	int			columns = Max(Min(charts, COLUMNS), 1);
	int			width = columns * CHART_WIDTH;
	int			height = (charts + columns - 1) / columns * CHART_HEIGHT;

	initStringInfo(&picture->svg);
	picture->columns = columns;
	picture->charts = 0;
	appendStringInfo(&picture->svg, "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' viewBox='0 0 %d %d' "
					 "font-family='sans-serif' font-size='12' text-anchor='middle'>\n<rect width='100%%' height='100%%' fill='#fff'/>\n",
					 width, height, width, height);
}

static double
PlaceX(const Picture *picture, double x)
{
	return LEFT + (x - picture->x.low) / (picture->x.high - picture->x.low) * (RIGHT - LEFT);
}

static double
PlaceY(const Picture *picture, double y)
{
	return BOTTOM - (y - picture->y.low) / (picture->y.high - picture->y.low) * (BOTTOM - TOP);
}

/* A round number near a fifth of the axis: 1, 2 or 5 times a power of ten. */
static double
StepOf(const Axis *axis)
{
	double		raw = (axis->high - axis->low) / STEPS;
	double		power = pow(10, floor(log10(raw)));
	double		rest = raw / power;

	return power * (rest < 1.5 ? 1 : rest < 3.5 ? 2 : rest < 7.5 ? 5 : 10);
}

/* Widen an axis to whole steps; one without a length gets one. */
static double
RoundAxis(Axis *axis)
{
	double		step;

	if (!(isfinite(axis->low) && isfinite(axis->high)))
		axis->low = axis->high = 0;
	if (!(axis->high - axis->low > 1e-9 * Max(fabs(axis->low), fabs(axis->high))))
	{
		axis->low -= Max(1, fabs(axis->low)) / 2;
		axis->high += Max(1, fabs(axis->high)) / 2;
	}
	step = StepOf(axis);
	axis->low = floor(axis->low / step + 1e-6) * step;
	axis->high = ceil(axis->high / step - 1e-6) * step;
	return step;
}

static void
DrawGrid(Picture *picture, double x_step, double y_step)
{
	StringInfo	svg = &picture->svg;

	for (double x = picture->x.low; x < picture->x.high + x_step / 2; x += x_step)
		appendStringInfo(svg, "<path d='M%.1f %d V%d' stroke='#e4e4e4'/><text x='%.1f' y='%d'>%g</text>\n",
						 PlaceX(picture, x), TOP, BOTTOM, PlaceX(picture, x), BOTTOM + 16, fabs(x) < x_step / 2 ? 0 : x);
	for (double y = picture->y.low; y < picture->y.high + y_step / 2; y += y_step)
		appendStringInfo(svg, "<path d='M%d %.1f H%d' stroke='#e4e4e4'/><text x='%d' y='%.1f' text-anchor='end'>%g</text>\n",
						 LEFT, PlaceY(picture, y), RIGHT, LEFT - 6, PlaceY(picture, y) + 4, fabs(y) < y_step / 2 ? 0 : y);
	appendStringInfo(svg, "<path d='M%d %d V%d H%d' fill='none' stroke='#444'/>\n", LEFT, TOP, BOTTOM, RIGHT);
}

void
BeginChart(Picture *picture, const char *title, const char *subtitle, Axis x, Axis y)
{
	StringInfo	svg = &picture->svg;
	int			column = picture->charts % picture->columns;
	int			row = picture->charts / picture->columns;
	double		x_step = RoundAxis(&x);
	double		y_step = RoundAxis(&y);

	picture->x = x;
	picture->y = y;
	picture->charts++;
	appendStringInfo(svg, "<g transform='translate(%d %d)'>\n", column * CHART_WIDTH, row * CHART_HEIGHT);
	appendStringInfo(svg, "<text x='%d' y='20' font-size='14' font-weight='bold'>%s</text>\n", (LEFT + RIGHT) / 2, Escape(title));
	appendStringInfo(svg, "<text x='%d' y='38' fill='#555'>%s</text>\n", (LEFT + RIGHT) / 2, Escape(subtitle));
	DrawGrid(picture, x_step, y_step);
	appendStringInfo(svg, "<text x='%d' y='%d'>%s</text>\n", (LEFT + RIGHT) / 2, CHART_HEIGHT - 12, Escape(x.label));
	appendStringInfo(svg, "<text transform='translate(14 %d) rotate(-90)'>%s</text>\n", (TOP + BOTTOM) / 2, Escape(y.label));
}

void
ChartPoint(Picture *picture, double x, double y, double radius, const char *colour, double opacity)
{
	if (isfinite(x) && isfinite(y))
		appendStringInfo(&picture->svg, "<circle cx='%.1f' cy='%.1f' r='%.1f' fill='%s' fill-opacity='%.2f'/>\n",
						 PlaceX(picture, x), PlaceY(picture, y), radius, colour, opacity);
}

void
ChartSegment(Picture *picture, double x1, double y1, double x2, double y2, const char *colour, double opacity)
{
	if (isfinite(x1) && isfinite(y1) && isfinite(x2) && isfinite(y2))
		appendStringInfo(&picture->svg, "<path d='M%.1f %.1f L%.1f %.1f' stroke='%s' stroke-opacity='%.2f'/>\n",
						 PlaceX(picture, x1), PlaceY(picture, y1), PlaceX(picture, x2), PlaceY(picture, y2), colour, opacity);
}

void
ChartLine(Picture *picture, int count, const double *x, const double *y, const char *colour, double width)
{
	StringInfo	svg = &picture->svg;
	int			drawn = 0;

	appendStringInfoString(svg, "<path d='");
	for (int i = 0; i < count; i++)
		if (isfinite(x[i]) && isfinite(y[i]))
			appendStringInfo(svg, "%s%.1f %.1f", drawn++ == 0 ? "M" : " L", PlaceX(picture, x[i]), PlaceY(picture, y[i]));
	appendStringInfo(svg, "%s' fill='none' stroke='%s' stroke-width='%.1f'/>\n", drawn == 0 ? "M0 0" : "", colour, width);
}

void
ChartKey(Picture *picture, int i, bool top, const char *name, const char *colour)
{
	int			y = top ? TOP + 14 + 15 * i : BOTTOM - 8 - 15 * i;

	appendStringInfo(&picture->svg, "<path d='M%d %d h16' stroke='%s' stroke-width='3'/><text x='%d' y='%d' text-anchor='end'>%s</text>\n",
					 RIGHT - 20, y - 4, colour, RIGHT - 26, y, Escape(name));
}

void
EndChart(Picture *picture)
{
	appendStringInfoString(&picture->svg, "</g>\n");
}

text *
EndPicture(Picture *picture)
{
	appendStringInfoString(&picture->svg, "</svg>\n");
	return cstring_to_text_with_len(picture->svg.data, picture->svg.len);
}
