/*
 * train/remember.h: giving the heads of a trained model the molecules that their
 * novelty is measured from.
 */
#ifndef HAMNET_TRAIN_REMEMBER_H
#define HAMNET_TRAIN_REMEMBER_H

#include "train/data.h"

/*
 * Let each head of a finished model remember molecules of the training set
 * that have one of its labels, at most `limit`, a random choice by the seed
 * of more, and scale distances by the validation set (known.h). Targets stand
 * in the order of the heads. Tables come from the context's arena. Runs the model's
 * first generator over these molecules. A limit of 0 remembers nothing.
 */
extern void RememberMolecules(HnContext *context, HnModel *model, const TrainingData *data, int limit, uint64 seed);

#endif
