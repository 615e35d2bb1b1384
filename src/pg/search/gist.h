/*
 * search/gist.h: strategies and options of the GiST operator classes for fingerprints.
 */
#ifndef HAMNET_SEARCH_GIST_H
#define HAMNET_SEARCH_GIST_H

#define HFP_L2_STRATEGY 1				/* ORDER BY fp <-> query */
#define HFP_L2_BALL_STRATEGY 2			/* fp <@-> ball */
#define HFP_COSINE_STRATEGY 3			/* ORDER BY fp <=> query */
#define HFP_COSINE_BALL_STRATEGY 4		/* fp <@=> ball */
#define HFP_TANIMOTO_STRATEGY 5			/* ORDER BY fp <%> query */
#define HFP_TANIMOTO_BALL_STRATEGY 6	/* fp <@%> ball */

/* Options of all operator classes. */
typedef struct GistHfpOptions
{
	int32		vl_len_;		/* varlena header (do not touch directly!) */
	int			axes;			/* offset of a string, empty if there are none */
	int			coordinates;	/* 0: the default */
} GistHfpOptions;

#endif
