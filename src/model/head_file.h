/*
 * head_file.h: one head of a model file's configuration.
 */
#ifndef HAMNET_HEAD_FILE_H
#define HAMNET_HEAD_FILE_H

#include "section.h"

/* Read head number `index` with all its parts. */
extern HnStatus hn_head_read(HnContext *context, int index, json_t *value, HnHead *head);

/* Return the head as JSON, which the caller releases; NULL without memory. */
extern json_t *hn_head_write(const HnHead *head);

#endif
