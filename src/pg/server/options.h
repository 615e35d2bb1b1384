/*
 * server/options.h: the jsonb argument that carries a procedure's options.
 *
 * A procedure declares its options once, as a table that says where in a
 * struct of its own each value goes:
 *
 *	typedef struct TrainOptions
 *	{
 *		int64		epochs;
 *		double		rate;
 *		char	   *split;
 *	} TrainOptions;
 *
 *	static const Option train_options[] = {
 *		{"epochs", OPTION_INTEGER, offsetof(TrainOptions, epochs), .integer = {20, 1, 10000}},
 *		{"rate", OPTION_NUMBER, offsetof(TrainOptions, rate), .number = {1e-3, 0, 1, .above = true}},
 *		{"split", OPTION_TEXT, offsetof(TrainOptions, split), .text = {"random", split_names}},
 *	};
 *
 *	ReadOptions(PG_GETARG_JSONB_P(2), train_options, lengthof(train_options), &options);
 *
 * A key that is not given, or is null, has its default.
 */
#ifndef HAMNET_SERVER_OPTIONS_H
#define HAMNET_SERVER_OPTIONS_H

#include "lib/stringinfo.h"
#include "utils/jsonb.h"

typedef enum OptionType
{
	OPTION_BOOLEAN,				/* bool */
	OPTION_INTEGER,				/* int64 */
	OPTION_NUMBER,				/* double */
	OPTION_TEXT,				/* char * */
	OPTION_TEXT_OR_NUMBER,		/* TextOrNumber */
	OPTION_JSON					/* Jsonb *, an object or an array; without one NULL */
} OptionType;

typedef struct TextOrNumber
{
	char	   *text;			/* NULL: it is a number */
	double		number;
} TextOrNumber;

/* Bounds hold for values that are given: a default outside them tells that none was. */
typedef struct Option
{
	const char *key;
	OptionType	type;
	size_t		offset;			/* of the field that receives the value, of the type named above */
	bool		boolean;		/* default */
	struct
	{
		int64		default_value;
		int64		min;
		int64		max;
	}			integer;
	struct
	{
		double		default_value;
		double		min;		/* may be -INFINITY */
		double		max;		/* may be INFINITY */
		bool		above;		/* values are greater than min */
	}			number;			/* also of a text or number */
	struct
	{
		const char *default_value;	/* NULL: none */
		const char *const *choices; /* NULL-terminated; NULL: any text but the empty one */
	}			text;			/* also of a text or number */
} Option;

/*
 * Read options into the struct that result points to. Texts are allocated in
 * the current memory context. Errors (22023) name the option, its value and
 * what it may be: an unrecognized key, a wrong type, a value out of range.
 */
extern void ReadOptions(const Jsonb *options, const Option *known, int count, void *result);

/* Append the values of options, given or not, to a JSON object: "key": value, ...; null for what has none. */
extern void AppendOptions(StringInfo json, const Option *known, int count, const void *values);

#endif
