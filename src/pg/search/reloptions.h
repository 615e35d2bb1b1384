/*
 * search/reloptions.h: what loading the module has to do for the access method.
 */
#ifndef HAMNET_SEARCH_RELOPTIONS_H
#define HAMNET_SEARCH_RELOPTIONS_H

/* Make the storage parameters of hamnet indexes known to the server. */
extern void InitIndexOptions(void);

/* Have the planner divide the cost of a search among the processes of a parallel scan; search/paths.c. */
extern void InitSearchPaths(void);

#endif
