/*
 * fit.h: the parts of heads that are fitted in one go, not trained step by step.
 */
#ifndef HAMNET_FIT_H
#define HAMNET_FIT_H

#include "hamnet/predict.h"

typedef struct HnFitOptions
{
	bool		fingerprint;	/* a Gaussian process reads fingerprints, */
	const HnDescriptorSet *descriptors; /* descriptors, unless NULL, */
	bool		counts;			/* and counts; trees read the last two always */
	int			rows;			/* a Gaussian process compares with, at most; 0: HN_MAX_GP_ROWS */
	int			trees;			/* randomised ones, for each target */
	int			boosting;		/* boosted trees, for each target */
	uint64_t	seed;			/* of samples of rows, and of trees */
	void		(*progress) (void *state, const char *step, double done);	/* done 0 to 1; may be NULL */
	void	   *progress_state;
} HnFitOptions;

/* What the fit came to, for a log. */
typedef struct HnFitReport
{
	int			labelled_rows;	/* that have a label */
	int			rows;			/* of them, those that it has learned from */
	int			evaluations;	/* of a Gaussian process's marginal likelihood; 0 for trees */
	double		log_likelihood; /* per label of the search rows, of the scaled targets; 0 for trees */
	int			nodes;			/* of all trees; 0 for a Gaussian process */
} HnFitReport;

/*
 * Fit a part to labels [inputs->count, target_count] in the targets' own unit, or
 * 0 and 1 for classes; NaN where there is none. fingerprint_dim is the width of
 * a fingerprint. The part becomes the head's only one; name, task, target_count
 * and targets (names, units) are the caller's. What a part makes of the data
 * stands in gp.h and beside it. Same input, same head, on every machine.
 */
extern HnStatus hn_fit(HnContext *context, HnPartKind kind, const HnInputs *inputs, int fingerprint_dim,
					   const real *labels, const HnFitOptions *options, HnHead *head, HnFitReport *report);

/* Return the name of a part, which is its key in a model file. */
extern const char *hn_part_name(HnPartKind kind);

#endif
