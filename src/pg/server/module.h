/*
 * server/module.h: the modules beside hamnet.
 */
#ifndef HAMNET_MODULE_H
#define HAMNET_MODULE_H

/*
 * The function module_function of a module, which is loaded if it is not yet.
 * It is an error if the module is of another version: after an update, a session
 * may have loaded hamnet before, and finds the module after it.
 */
extern void *LoadModule(const char *module, const char *function);

#endif
