/*
 * safetensors.h: the container of model files.
 *
 * The format (https://github.com/huggingface/safetensors): eight bytes,
 * little-endian, with the length of the header; a JSON header that maps a
 * name to dtype, shape and data_offsets; raw data. Only float32 is accepted,
 * and nothing in a file is trusted: see hn_safetensors_open.
 */
#ifndef HAMNET_SAFETENSORS_H
#define HAMNET_SAFETENSORS_H

#include <stdint.h>

#include "hamnet/context.h"

/* Headers beyond this are refused unread; a model's header is about 10 kB. */
#define HN_SAFETENSORS_MAX_HEADER (1024 * 1024)

typedef struct HnStoredTensor
{
	const char *name;
	int			dims;			/* 1 or 2 */
	int64_t		shape[2];		/* shape[1] is 1 for one dimension */
	const unsigned char *data;	/* little-endian float32, perhaps unaligned */
} HnStoredTensor;

typedef struct HnSafetensors
{
	int			tensor_count;
	HnStoredTensor *tensors;	/* sorted by name */
	const char *metadata;		/* value of __metadata__.hamnet, or NULL */
} HnSafetensors;

/*
 * Read the header of a file that lies in memory. The result points into
 * bytes and into the context's arena.
 *
 * HN_INVALID_MODEL, naming the reason, for a wrong length, a header that is
 * no JSON object of this form, another dtype, more than two dimensions, a
 * shape that does not match its offsets, offsets out of range, overlapping or
 * leaving a gap, a name that occurs twice, and values that are not finite.
 */
extern HnStatus hn_safetensors_open(HnContext *context, const unsigned char *bytes, size_t size,
									HnSafetensors *file);

/* The tensor of that name, or NULL. */
extern const HnStoredTensor *hn_safetensors_find(const HnSafetensors *file, const char *name);

/*
 * Write a file to memory from the context's arena: the tensors, whose data
 * lies as float32 in this machine's order, and metadata as
 * __metadata__.hamnet. Equal input gives equal bytes.
 */
extern HnStatus hn_safetensors_write(HnContext *context, const HnStoredTensor *tensors, int tensor_count,
									 const char *metadata, unsigned char **bytes, size_t *size);

#endif
