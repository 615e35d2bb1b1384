/*
 * server/guc.h: the extension's settings.
 */
#ifndef HAMNET_SERVER_GUC_H
#define HAMNET_SERVER_GUC_H

/* hamnet.max_atoms: molecules with more atoms are refused. */
extern int	hamnet_max_atoms;

/* hamnet.training_memory: kilobytes that a training set may take. */
extern int	hamnet_training_memory;

/* hamnet.preload_models: names of built-in models and paths of files, separated by commas. */
extern char *hamnet_preload_models;

extern void InitSettings(void);

#endif
