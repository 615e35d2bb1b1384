/*
 * search/gist.h: strategies of the GiST operator classes for fingerprints.
 */
#ifndef HAMNET_SEARCH_GIST_H
#define HAMNET_SEARCH_GIST_H

#define HFP_L2_STRATEGY 1				/* ORDER BY fp <-> query */
#define HFP_L2_BALL_STRATEGY 2			/* fp <@-> ball */
#define HFP_COSINE_STRATEGY 3			/* ORDER BY fp <=> query */
#define HFP_COSINE_BALL_STRATEGY 4		/* fp <@=> ball */
#define HFP_TANIMOTO_STRATEGY 5			/* ORDER BY fp <%> query */
#define HFP_TANIMOTO_BALL_STRATEGY 6	/* fp <@%> ball */

#endif
