/*
 * parts.h: what a head is made of.
 *
 * A part of a head is one file. Whoever reads, checks, packs or asks a head goes
 * over hn_head_parts, and knows no part by name; a part that has nothing to do
 * at a step leaves its function NULL. Functions are called for heads that have
 * the part, except read, which makes it.
 */
#ifndef HAMNET_PARTS_H
#define HAMNET_PARTS_H

#include "hamnet/fit.h"

#include "section.h"
#include "tensors.h"

typedef struct HnHeadPart
{
	/* Keys of the head's object in a model file, NULL-terminated; the part is there if the first of them is. */
	const char *const *keys;

	/* Key of the part's share in object "joint"; NULL: it has none, or gets what the others leave. */
	const char *share;

	/* Make the part from a head's object, whose name, task and targets are read. */
	HnStatus	(*read) (HnContext *context, const HnSection *section, HnHead *head);

	/* Add the part to a head's object; NULL without memory. */
	json_t	   *(*write) (const HnHead *head, json_t *object);

	/* Set what may be left out, and check the configuration against its limits. */
	HnStatus	(*check) (HnContext *context, const HnHead *head);

	/* Set the widths, and allocate what they need but parameters and tables. */
	HnStatus	(*shape) (HnContext *context, const HnModel *model, HnHead *head);

	void		(*list_tensors) (HnTensorList *list, const HnHead *head);
	void		(*list_tables) (HnTableList *list, const HnHead *head);

	/* Check the values of the tables, and make what predictions need of them once. */
	HnStatus	(*link) (HnContext *context, const HnHead *head);

	/* Add to what the head needs to know of a molecule. */
	void		(*add_needs) (const HnHead *head, HnNeeds *needs);

	/* Put weights and tables into the order in which a prediction passes over them. */
	HnStatus	(*pack) (HnContext *context, const HnModel *model, const HnHead *head, void **packed);

	/* Make the part of rows with labels, see hn_fit. */
	HnStatus	(*fit) (HnContext *context, const HnInputs *inputs, int fingerprint_dim, const real *labels,
						const HnFitOptions *options, HnHead *head, HnFitReport *report);

	/* Predict by this part alone. */
	HnStatus	(*predict) (HnContext *context, const HnModel *model, const HnHead *head, const HnInputs *inputs,
							const HnPrediction *prediction);
} HnHeadPart;

/* By HnPartKind. */
extern const HnHeadPart *const hn_head_parts[HN_PARTS];

/* The parts of a head as they packed themselves for predictions. */
struct HnPackedHead
{
	void	   *parts[HN_PARTS];
};

/* Return what a part packed before; NULL if it did not. */
static inline const void *
hn_packed_part(const HnHead *head, HnPartKind kind)
{
	return head->packed ? head->packed->parts[kind] : NULL;
}

/* Fail unless the value called `name` is between min and max. */
extern HnStatus hn_check_range(HnContext *context, const char *name, int value, int min, int max);

/* Check "the NAME of head ...". */
extern HnStatus hn_check_count(HnContext *context, const HnHead *head, const char *name, int value, int min, int max);

/* Check a number, "NAME of head ...". */
extern HnStatus hn_check_number(HnContext *context, const HnHead *head, const char *name, double value, double min,
								double max);

/* Beyond this, weights and variances overflow what is computed from them. */
#define HN_MAX_WEIGHT 1e6

#endif
