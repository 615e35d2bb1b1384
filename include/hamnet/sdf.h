/*
 * sdf.h: an SD file cut into records, and records into a MOL block and
 * properties. Nothing is copied: slices point into the text.
 *
 * No text is refused. A record ends at a line that begins with "$$$$" or with
 * the text, where white space alone is none; its MOL block ends at "M  END", or
 * where the first property begins.
 */
#ifndef HAMNET_SDF_H
#define HAMNET_SDF_H

#include <stdbool.h>
#include <stddef.h>

typedef struct HnSlice
{
	const char *text;
	size_t		length;
} HnSlice;

typedef struct HnSdfRecord
{
	HnSlice		molblock;
	HnSlice		properties;		/* what follows it */
} HnSdfRecord;

/* Take the next record off rest; false if there is none. */
extern bool hn_sdf_next_record(HnSlice *rest, HnSdfRecord *record);

/*
 * Take the next property off the properties of a record; false if there is
 * none. The name stands in angle brackets on a line that begins with ">"; the
 * value is the lines up to a blank one, or to the next such name, with the line
 * feeds between them. One without brackets, as "> DT12", is named by what it has
 * instead.
 */
extern bool hn_sdf_next_property(HnSlice *rest, HnSlice *name, HnSlice *value);

#endif
