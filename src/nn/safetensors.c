/*
 * safetensors.c: the container of model files, read and written in memory.
 *
 * The reader trusts nothing. It checks the header's length before parsing it,
 * every tensor's place before touching its data, and that the tensors cover
 * the data exactly once, so that no two files with the same tensors differ in
 * hidden bytes.
 */
#include "hamnet/safetensors.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hamnet/half.h"
#include "hamnet/json.h"
#include "hamnet/text.h"

#define LENGTH_BYTES 8
#define METADATA_KEY "__metadata__"
#define MODEL_KEY "hamnet"

static const struct
{
	const char *name;			/* in files */
	int			size;
}			dtypes[] = {
	[HN_F32] = {"F32", 4},
	[HN_F16] = {"F16", 2},
	[HN_I8] = {"I8", 1},
	[HN_U8] = {"U8", 1},
	[HN_U16] = {"U16", 2}
};

#define DTYPE_COUNT ((int) (sizeof(dtypes) / sizeof(dtypes[0])))

int
hn_dtype_size(HnDtype dtype)
{
	return dtypes[dtype].size;
}

/* Where a tensor lies in the data, for the check that nothing overlaps. */
typedef struct Extent
{
	const char *name;
	uint64_t	begin;
	uint64_t	end;
} Extent;

static uint64_t
load_le(const unsigned char *bytes, int count)
{
	uint64_t	value = 0;

	for (int i = count - 1; i >= 0; i--)
		value = value << 8 | bytes[i];
	return value;
}

/* The same for the 4 bytes of a float, in a form that becomes vector code. */
static inline uint32_t
load_word(const unsigned char *bytes)
{
	uint32_t	word;

	memcpy(&word, bytes, sizeof(word));
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? word : __builtin_bswap32(word);
}

static inline uint16_t
load_half(const unsigned char *bytes)
{
	return (uint16_t) (bytes[0] | bytes[1] << 8);
}

static void
store_le(unsigned char *bytes, int count, uint64_t value)
{
	for (int i = 0; i < count; i++)
		bytes[i] = (unsigned char) (value >> (8 * i));
}

/* Infinity or NaN: all bits of the exponent set. */
static bool
is_not_finite(uint32_t bits)
{
	return (bits & UINT32_C(0x7f800000)) == UINT32_C(0x7f800000);
}

static int
compare_tensors(const void *a, const void *b)
{
	return strcmp(((const HnStoredTensor *) a)->name, ((const HnStoredTensor *) b)->name);
}

/* The order in a file. */
static int
compare_order(const void *a, const void *b)
{
	int			size_a = dtypes[((const HnStoredTensor *) a)->dtype].size;
	int			size_b = dtypes[((const HnStoredTensor *) b)->dtype].size;

	return size_a != size_b ? size_b - size_a : compare_tensors(a, b);
}

static int
compare_extents(const void *a, const void *b)
{
	uint64_t	begin_a = ((const Extent *) a)->begin;
	uint64_t	begin_b = ((const Extent *) b)->begin;

	return (begin_a > begin_b) - (begin_a < begin_b);
}

/* Read __metadata__: an object of strings, of which one concerns us. */
static HnStatus
read_metadata(HnContext *context, json_t *object, HnSafetensors *file)
{
	if (!json_is_object(object))
		return hn_fail(context, HN_INVALID_MODEL, "%s is %s, not an object",
					   METADATA_KEY, hn_json_type_name(object));

	for (void *entry = json_object_iter(object); entry != NULL; entry = json_object_iter_next(object, entry))
	{
		const char *key = json_object_iter_key(entry);
		json_t	   *value = json_object_iter_value(entry);

		if (!json_is_string(value))
			return hn_fail(context, HN_INVALID_MODEL, "%s.%s is %s, not a string",
						   METADATA_KEY, hn_quoted(key).text, hn_json_type_name(value));
		if (strcmp(key, MODEL_KEY) == 0)
			HN_TRY(hn_copy_string(context, json_string_value(value), &file->metadata));
	}
	return HN_OK;
}

/* Read shape and the number of bytes it implies. */
static HnStatus
read_shape(HnContext *context, json_t *shape, HnStoredTensor *tensor, uint64_t *bytes)
{
	if (!json_is_array(shape) || json_array_size(shape) < 1 || json_array_size(shape) > 2)
		return hn_fail(context, HN_INVALID_MODEL,
					   "the shape of tensor \"%s\" is not an array of one or two numbers", tensor->name);

	tensor->dims = (int) json_array_size(shape);
	tensor->shape[1] = 1;
	*bytes = (uint64_t) dtypes[tensor->dtype].size;
	for (int i = 0; i < tensor->dims; i++)
	{
		json_t	   *extent = json_array_get(shape, i);

		if (!json_is_integer(extent) || json_integer_value(extent) < 1)
			return hn_fail(context, HN_INVALID_MODEL,
						   "dimension %d of tensor \"%s\" is not an integer above zero", i, tensor->name);
		tensor->shape[i] = json_integer_value(extent);
		if (__builtin_mul_overflow(*bytes, (uint64_t) tensor->shape[i], bytes))
			return hn_fail(context, HN_INVALID_MODEL,
						   "the shape of tensor \"%s\" overflows: [%" PRId64 ", %" PRId64 "]",
						   tensor->name, tensor->shape[0], tensor->shape[1]);
	}
	return HN_OK;
}

/* Read data_offsets: begin and end in the data, which has data_size bytes. */
static HnStatus
read_extent(HnContext *context, json_t *offsets, uint64_t data_size, Extent *extent)
{
	json_t	   *begin = json_array_get(offsets, 0);
	json_t	   *end = json_array_get(offsets, 1);

	if (!json_is_array(offsets) || json_array_size(offsets) != 2
		|| !json_is_integer(begin) || !json_is_integer(end))
		return hn_fail(context, HN_INVALID_MODEL,
					   "the data_offsets of tensor \"%s\" are not an array of two integers", extent->name);
	if (json_integer_value(begin) < 0 || json_integer_value(end) < json_integer_value(begin)
		|| (uint64_t) json_integer_value(end) > data_size)
		return hn_fail(context, HN_INVALID_MODEL,
					   "the data_offsets of tensor \"%s\" are out of range: [%" JSON_INTEGER_FORMAT ", %"
					   JSON_INTEGER_FORMAT "] in %" PRIu64 " bytes of data",
					   extent->name, json_integer_value(begin), json_integer_value(end), data_size);
	extent->begin = (uint64_t) json_integer_value(begin);
	extent->end = (uint64_t) json_integer_value(end);
	return HN_OK;
}

static HnStatus
read_dtype(HnContext *context, const char *name, HnStoredTensor *tensor)
{
	for (int d = 0; d < DTYPE_COUNT; d++)
		if (strcmp(name, dtypes[d].name) == 0)
		{
			tensor->dtype = (HnDtype) d;
			return HN_OK;
		}
	return hn_fail(context, HN_INVALID_MODEL,
				   "tensor \"%s\" has dtype %s, only F32, F16, I8, U8 and U16 are supported",
				   tensor->name, hn_quoted(name).text);
}

/* Read one entry of the header into tensor, whose name is set, and extent. */
static HnStatus
read_entry(HnContext *context, json_t *entry, const unsigned char *data, uint64_t data_size,
		   HnStoredTensor *tensor, Extent *extent)
{
	static const char *const keys[] = {"dtype", "shape", "data_offsets", NULL};
	json_t	   *dtype = json_object_get(entry, "dtype");
	char		what[HN_MAX_TENSOR_NAME + 16];
	uint64_t	bytes = 0;

	if (!json_is_object(entry))
		return hn_fail(context, HN_INVALID_MODEL, "tensor \"%s\" is described by %s, not by an object",
					   tensor->name, hn_json_type_name(entry));
	snprintf(what, sizeof(what), "tensor \"%s\"", tensor->name);
	HN_TRY(hn_json_known_keys(context, what, entry, keys));
	if (!json_is_string(dtype))
		return hn_fail(context, HN_INVALID_MODEL, "tensor \"%s\" has no dtype", tensor->name);
	HN_TRY(read_dtype(context, json_string_value(dtype), tensor));
	HN_TRY(read_shape(context, json_object_get(entry, "shape"), tensor, &bytes));
	HN_TRY(read_extent(context, json_object_get(entry, "data_offsets"), data_size, extent));
	if (extent->end - extent->begin != bytes)
		return hn_fail(context, HN_INVALID_MODEL,
					   "the shape of tensor \"%s\" takes %" PRIu64 " bytes, but its data_offsets hold %" PRIu64,
					   tensor->name, bytes, extent->end - extent->begin);
	tensor->data = data + extent->begin;
	return HN_OK;
}

/* Check that the extents, sorted here, cover the data exactly once. */
static HnStatus
check_cover(HnContext *context, Extent *extents, int count, uint64_t data_size)
{
	uint64_t	covered = 0;

	if (count > 0)
		qsort(extents, count, sizeof(*extents), compare_extents);
	for (int i = 0; i < count; i++)
	{
		if (extents[i].begin < covered)
			return hn_fail(context, HN_INVALID_MODEL,
						   "tensors \"%s\" and \"%s\" overlap: one ends at byte %" PRIu64
						   ", the other begins at %" PRIu64,
						   extents[i - 1].name, extents[i].name, covered, extents[i].begin);
		if (extents[i].begin > covered)
			return hn_fail(context, HN_INVALID_MODEL,
						   "there is a gap of %" PRIu64 " bytes before tensor \"%s\"",
						   extents[i].begin - covered, extents[i].name);
		covered = extents[i].end;
	}
	if (covered != data_size)
		return hn_fail(context, HN_INVALID_MODEL,
					   "the file has %" PRIu64 " bytes of data, but its tensors take %" PRIu64,
					   data_size, covered);
	return HN_OK;
}

/* Return whether value i of a tensor is infinite or NaN. */
static inline bool
is_bad(const HnStoredTensor *tensor, int64_t i)
{
	if (tensor->dtype == HN_F32)
		return is_not_finite(load_word(tensor->data + 4 * i));
	return tensor->dtype == HN_F16 && hn_half_is_not_finite(load_half(tensor->data + 2 * i));
}

static HnStatus
check_finite(HnContext *context, const HnStoredTensor *tensor)
{
	int64_t		count = tensor->shape[0] * tensor->shape[1];
	int			bad = 0;

	if (hn_interrupted(context))
		return HN_INTERRUPTED;
	/* All are read without a branch, which is several times as fast; almost never is there one to name. */
	for (int64_t i = 0; i < count && tensor->dtype == HN_F32; i++)
		bad |= is_not_finite(load_word(tensor->data + 4 * i));
	for (int64_t i = 0; i < count && tensor->dtype == HN_F16; i++)
		bad |= hn_half_is_not_finite(load_half(tensor->data + 2 * i));
	for (int64_t i = 0; bad && i < count; i++)
		if (is_bad(tensor, i))
			return hn_fail(context, HN_INVALID_MODEL,
						   "value %" PRId64 " of tensor \"%s\" is NaN or infinite", i, tensor->name);
	return HN_OK;
}

/* Read the parsed header; data has data_size bytes. */
static HnStatus
read_header(HnContext *context, json_t *header, const unsigned char *data, uint64_t data_size,
			HnSafetensors *file)
{
	Extent	   *extents;
	int			count = 0;

	/* At most HN_SAFETENSORS_MAX_HEADER bytes of header: its entries fit an int. */
	HN_NEW(context, file->tensors, json_object_size(header));
	HN_NEW(context, extents, json_object_size(header));

	for (void *entry = json_object_iter(header); entry != NULL; entry = json_object_iter_next(header, entry))
	{
		const char *name = json_object_iter_key(entry);
		json_t	   *value = json_object_iter_value(entry);

		if (strcmp(name, METADATA_KEY) == 0)
		{
			HN_TRY(read_metadata(context, value, file));
			continue;
		}
		if (!hn_is_identifier(name, HN_MAX_TENSOR_NAME - 1))
			return hn_fail(context, HN_INVALID_MODEL,
						   "tensor name \"%s\" is not 1 to %d printable ASCII characters",
						   hn_quoted(name).text, HN_MAX_TENSOR_NAME - 1);
		HN_TRY(hn_copy_string(context, name, &file->tensors[count].name));
		extents[count].name = file->tensors[count].name;
		HN_TRY(read_entry(context, value, data, data_size, &file->tensors[count], &extents[count]));
		count++;
	}
	file->tensor_count = count;
	HN_TRY(check_cover(context, extents, count, data_size));
	if (count > 0)
		qsort(file->tensors, count, sizeof(*file->tensors), compare_tensors);
	for (int i = 0; i < count; i++)
		HN_TRY(check_finite(context, &file->tensors[i]));
	return HN_OK;
}

HnStatus
hn_safetensors_open(HnContext *context, const unsigned char *bytes, size_t size, HnSafetensors *file)
{
	json_t	   *header;
	uint64_t	length;
	HnStatus	status;

	memset(file, 0, sizeof(*file));
	if (size < LENGTH_BYTES)
		return hn_fail(context, HN_INVALID_MODEL, "the file has %zu bytes, too few for the length of a header", size);
	length = load_le(bytes, LENGTH_BYTES);
	if (length > HN_SAFETENSORS_MAX_HEADER)
		return hn_fail(context, HN_INVALID_MODEL, "the header's length is %" PRIu64 " bytes, at most %d are allowed",
					   length, HN_SAFETENSORS_MAX_HEADER);
	if (length > size - LENGTH_BYTES)
		return hn_fail(context, HN_INVALID_MODEL, "the header's length is %" PRIu64 " bytes, but only %zu follow",
					   length, size - LENGTH_BYTES);

	HN_TRY(hn_json_parse(context, "the header", (const char *) bytes + LENGTH_BYTES, (size_t) length, &header));
	status = read_header(context, header, bytes + LENGTH_BYTES + length, size - LENGTH_BYTES - length, file);
	json_decref(header);
	return status;
}

const HnStoredTensor *
hn_safetensors_find(const HnSafetensors *file, const char *name)
{
	HnStoredTensor key = {.name = name};

	if (file->tensor_count == 0)
		return NULL;
	return bsearch(&key, file->tensors, file->tensor_count, sizeof(key), compare_tensors);
}

void
hn_stored_values(const HnStoredTensor *tensor, real *values)
{
	int64_t		count = tensor->shape[0] * tensor->shape[1];

	for (int64_t i = 0; i < count && tensor->dtype == HN_F16; i++)
		values[i] = hn_half_to_float(load_half(tensor->data + 2 * i));
	for (int64_t i = 0; i < count && tensor->dtype == HN_F32; i++)
	{
		uint32_t	bits = load_word(tensor->data + 4 * i);
		float		value;

		memcpy(&value, &bits, sizeof(value));
		values[i] = value;
	}
}

void
hn_stored_copy(const HnStoredTensor *tensor, void *values)
{
	int			size = dtypes[tensor->dtype].size;
	int64_t		count = tensor->shape[0] * tensor->shape[1];
	unsigned char *out = values;

	for (int64_t i = 0; i < count; i++)
	{
		uint64_t	bits = load_le(tensor->data + size * i, size);
		uint32_t	four = (uint32_t) bits;
		uint16_t	two = (uint16_t) bits;
		uint8_t		one = (uint8_t) bits;

		memcpy(out + size * i, size == 4 ? (void *) &four : size == 2 ? (void *) &two : (void *) &one,
			   (size_t) size);
	}
}

const void *
hn_stored_in_place(const HnStoredTensor *tensor)
{
	if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__ || (uintptr_t) tensor->data % dtypes[tensor->dtype].size != 0)
		return NULL;
	return tensor->data;
}

const real *
hn_stored_values_in_place(const HnStoredTensor *tensor)
{
	return sizeof(real) == sizeof(float) && tensor->dtype == HN_F32 ? hn_stored_in_place(tensor) : NULL;
}

/* Refuse to write what hn_safetensors_open would refuse to read. */
static HnStatus
check_writable(HnContext *context, const HnStoredTensor *tensor, uint64_t *bytes)
{
	uint64_t	count;

	if (!hn_is_identifier(tensor->name, HN_MAX_TENSOR_NAME - 1) || strcmp(tensor->name, METADATA_KEY) == 0)
		return hn_fail(context, HN_INVALID_ARGUMENT, "\"%s\" is no name for a tensor",
					   hn_quoted(tensor->name).text);
	if (tensor->dims < 1 || tensor->dims > 2 || tensor->shape[0] < 1 || tensor->shape[1] < 1
		|| (tensor->dims == 1 && tensor->shape[1] != 1)
		|| __builtin_mul_overflow((uint64_t) tensor->shape[0], (uint64_t) tensor->shape[1], &count)
		|| count > INT64_MAX / 4)
		return hn_fail(context, HN_INVALID_ARGUMENT,
					   "tensor \"%s\" cannot be stored with %d dimensions [%" PRId64 ", %" PRId64 "]",
					   tensor->name, tensor->dims, tensor->shape[0], tensor->shape[1]);
	*bytes = (uint64_t) dtypes[tensor->dtype].size * count;
	return HN_OK;
}

/* Describe tensors, in the order of the file, one after the other; adds their bytes to data_size. */
static HnStatus
build_header(HnContext *context, const HnStoredTensor *tensors, int count, json_t *header, uint64_t *data_size)
{
	for (int i = 0; i < count; i++)
	{
		const HnStoredTensor *tensor = &tensors[i];
		uint64_t	bytes = 0;
		uint64_t	end;
		json_t	   *shape;
		json_t	   *entry;

		HN_TRY(check_writable(context, tensor, &bytes));
		if (json_object_get(header, tensor->name))
			return hn_fail(context, HN_INVALID_ARGUMENT, "there are two tensors \"%s\"", tensor->name);
		if (__builtin_add_overflow(*data_size, bytes, &end) || end > INT64_MAX)
			return hn_fail(context, HN_TOO_LARGE, "the tensors take more than %" PRId64 " bytes", INT64_MAX);

		shape = tensor->dims == 1 ? json_pack("[I]", (json_int_t) tensor->shape[0])
			: json_pack("[I,I]", (json_int_t) tensor->shape[0], (json_int_t) tensor->shape[1]);
		/* "o" takes the reference even when packing fails, and fails for a NULL. */
		entry = json_pack("{s:s,s:o,s:[I,I]}", "dtype", dtypes[tensor->dtype].name, "shape", shape,
						  "data_offsets", (json_int_t) *data_size, (json_int_t) end);
		if (json_object_set_new(header, tensor->name, entry) != 0)
			return hn_fail_memory(context);
		*data_size = end;
	}
	return HN_OK;
}

/* Write the values of a tensor, little-endian, and move on behind them. */
static HnStatus
store_tensor(HnContext *context, const HnStoredTensor *tensor, unsigned char **out)
{
	int			size = dtypes[tensor->dtype].size;
	int64_t		values = tensor->shape[0] * tensor->shape[1];

	for (int64_t k = 0; k < values; k++, *out += size)
	{
		const unsigned char *value = tensor->data + size * k;
		uint32_t	four = 0;
		uint16_t	two = 0;

		if (size == 4)
			memcpy(&four, value, 4);
		else if (size == 2)
			memcpy(&two, value, 2);
		if ((tensor->dtype == HN_F32 && is_not_finite(four)) || (tensor->dtype == HN_F16 && hn_half_is_not_finite(two)))
			return hn_fail(context, HN_NOT_FINITE, "value %" PRId64 " of tensor \"%s\" is NaN or infinite",
						   k, tensor->name);
		store_le(*out, size, size == 4 ? four : size == 2 ? two : *value);
	}
	return HN_OK;
}

/* Put length, header padded with spaces to a multiple of 8 bytes, and data together. */
static HnStatus
assemble(HnContext *context, const char *header, const HnStoredTensor *tensors, int count,
		 uint64_t data_size, unsigned char **bytes, size_t *size)
{
	size_t		length = strlen(header);
	size_t		padded = (length + 7) / 8 * 8;
	unsigned char *out;

	if (padded > HN_SAFETENSORS_MAX_HEADER)
		return hn_fail(context, HN_TOO_LARGE, "the header takes %zu bytes, at most %d are allowed",
					   padded, HN_SAFETENSORS_MAX_HEADER);
	if (data_size > SIZE_MAX - LENGTH_BYTES - padded)
		return hn_fail_memory(context);
	*size = LENGTH_BYTES + padded + (size_t) data_size;
	HN_NEW(context, out, *size);
	*bytes = out;

	store_le(out, LENGTH_BYTES, padded);
	memcpy(out + LENGTH_BYTES, header, length);
	memset(out + LENGTH_BYTES + length, ' ', padded - length);
	out += LENGTH_BYTES + padded;
	for (int i = 0; i < count; i++)
	{
		if (hn_interrupted(context))
			return HN_INTERRUPTED;
		HN_TRY(store_tensor(context, &tensors[i], &out));
	}
	return HN_OK;
}

/* Fill an empty header and write it as text. */
static HnStatus
write_header(HnContext *context, const HnStoredTensor *tensors, int count, const char *metadata,
			 json_t *header, uint64_t *data_size, const char **text)
{
	if (metadata)
	{
		json_t	   *value = json_string(metadata);

		if (value == NULL)
			return hn_fail(context, HN_INVALID_ARGUMENT, "the metadata is not valid UTF-8");
		if (json_object_set_new(header, METADATA_KEY, json_pack("{s:o}", MODEL_KEY, value)) != 0)
			return hn_fail_memory(context);
	}
	HN_TRY(build_header(context, tensors, count, header, data_size));
	/* jansson keeps the order in which keys were set. */
	return hn_json_text(context, header, JSON_COMPACT, text);
}

HnStatus
hn_safetensors_write(HnContext *context, const HnStoredTensor *tensors, int tensor_count,
					 const char *metadata, unsigned char **bytes, size_t *size)
{
	HnStoredTensor *sorted;
	json_t	   *header;
	const char *text = "";
	uint64_t	data_size = 0;
	HnStatus	status;

	HN_NEW(context, sorted, tensor_count);
	if (tensor_count > 0)
	{
		memcpy(sorted, tensors, tensor_count * sizeof(*sorted));
		qsort(sorted, tensor_count, sizeof(*sorted), compare_order);
	}

	/* Not json_object(): a PostgreSQL server exports a function of that name, which would be called instead. */
	header = json_pack("{}");
	if (header == NULL)
		return hn_fail_memory(context);
	status = write_header(context, sorted, tensor_count, metadata, header, &data_size, &text);
	if (status == HN_OK)
		status = assemble(context, text, sorted, tensor_count, data_size, bytes, size);
	json_decref(header);
	return status;
}
