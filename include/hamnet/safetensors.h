/*
 * safetensors.h: the container of model files.
 *
 * The format (https://github.com/huggingface/safetensors): eight bytes,
 * little-endian, with the length of the header; a JSON header that maps a
 * name to dtype, shape and data_offsets; raw data. Only the types of numbers
 * below are accepted, and nothing in a file is trusted: see
 * hn_safetensors_open.
 */
#ifndef HAMNET_SAFETENSORS_H
#define HAMNET_SAFETENSORS_H

#include <stdint.h>

#include "hamnet/context.h"
#include "hamnet/real.h"

/* Headers beyond this are refused unread; a model's header is about 10 kB. */
#define HN_SAFETENSORS_MAX_HEADER (1024 * 1024)

/* Bytes of a tensor's name, its terminating zero included. */
#define HN_MAX_TENSOR_NAME 128

/* Types of numbers: float32, float16, and integers with and without sign. */
typedef enum HnDtype
{
	HN_F32,
	HN_F16,
	HN_I8,
	HN_U8,
	HN_U16
} HnDtype;

/* Bytes of one number. */
extern int	hn_dtype_size(HnDtype dtype);

typedef struct HnStoredTensor
{
	const char *name;
	HnDtype		dtype;
	int			dims;			/* 1 or 2 */
	int64_t		shape[2];		/* shape[1] is 1 for one dimension */
	const unsigned char *data;	/* perhaps unaligned; little-endian when read */
} HnStoredTensor;

typedef struct HnSafetensors
{
	int			tensor_count;
	HnStoredTensor *tensors;	/* sorted by name */
	const char *metadata;		/* value of __metadata__.hamnet, or NULL */
} HnSafetensors;

/*
 * Read the header of a file that lies in memory. The result points into
 * bytes and into the context's arena. Other keys of __metadata__ than hamnet
 * are ignored, as the format wants it.
 *
 * HN_INVALID_MODEL, naming the tensor and the numbers, for a wrong length, a
 * header that is no JSON object of this form, a name that is not 1 to 127
 * printable ASCII characters or occurs twice, another dtype, a shape that is
 * not one or two numbers above zero or does not match its offsets, offsets out
 * of range, overlapping or leaving a gap, and values that are not finite.
 * What is allocated is proportional to the header.
 */
extern HnStatus hn_safetensors_open(HnContext *context, const unsigned char *bytes, size_t size,
									HnSafetensors *file);

/* The tensor of that name, or NULL. */
extern const HnStoredTensor *hn_safetensors_find(const HnSafetensors *file, const char *name);

/* Convert the shape[0] * shape[1] values of a float32 or float16 tensor that was read. */
extern void hn_stored_values(const HnStoredTensor *tensor, real *values);

/* Copy the values of a tensor that was read, in their own type and this machine's order. */
extern void hn_stored_copy(const HnStoredTensor *tensor, void *values);

/* The values where they lie in the file, or NULL if this machine or build cannot use them there: as reals, in their own type. */
extern const real *hn_stored_values_in_place(const HnStoredTensor *tensor);
extern const void *hn_stored_in_place(const HnStoredTensor *tensor);

/*
 * Write a file to memory from the context's arena: the tensors, whose data
 * lies in this machine's order, and metadata (UTF-8, or NULL for none) as
 * __metadata__.hamnet. Tensors are stored by the size of their numbers, the
 * largest first, which aligns them, and by name, so that equal input gives
 * equal bytes whatever its order.
 *
 * Writes nothing that hn_safetensors_open would refuse: HN_NOT_FINITE for a
 * value, HN_INVALID_ARGUMENT for a name, a shape or metadata.
 */
extern HnStatus hn_safetensors_write(HnContext *context, const HnStoredTensor *tensors, int tensor_count,
									 const char *metadata, unsigned char **bytes, size_t *size);

#endif
