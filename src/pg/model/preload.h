/*
 * model/preload.h: built-in models that the postmaster reads for all backends.
 */
#ifndef HAMNET_MODEL_PRELOAD_H
#define HAMNET_MODEL_PRELOAD_H

/*
 * Read the models that hamnet.preload_models names, if this is the postmaster
 * loading shared_preload_libraries; an error there keeps the server from starting.
 */
extern void PreloadModels(void);

#endif
