/*
 * tensors.h: the lists of a model's tensors and tables while they are made.
 */
#ifndef HAMNET_TENSORS_H
#define HAMNET_TENSORS_H

#include "hamnet/model.h"

/* A list under construction; tensors is NULL while they are only counted. */
typedef struct HnTensorList
{
	HnTensor   *tensors;
	int			count;
} HnTensorList;

typedef struct HnTableList
{
	HnTable    *tables;
	int			count;
} HnTableList;

/* Add the weight and the bias of a layer, "NAME.weight" and "NAME.bias". */
extern void hn_list_linear(HnTensorList *list, const char *name, HnLinear *layer);

/* Add table "head.HEAD.NAME" of a head; data is the address of the field that points to it. */
extern void hn_list_table(HnTableList *list, const HnHead *head, const char *name, HnDtype dtype, int dims, int rows,
						  int columns, void *data);

/* List the tensors of the engine, which may be none, and of generator 0 of a model. */
extern HnStatus hn_engine_tensors(HnContext *context, HnModel *model, HnTensorList *list);
extern HnStatus hn_generator_tensors(HnContext *context, HnModel *model, HnTensorList *list);

#endif
