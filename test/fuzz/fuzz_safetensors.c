/*
 * fuzz_safetensors.c: model files. One that loads must predict numbers, alike
 * whether its values are copied or used where they lie, and be written so that
 * it reads as the same model.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "hamnet/chem.h"
#include "hamnet/known.h"
#include "hamnet/network.h"
#include "hamnet/predict.h"

#define LENGTH_BYTES 8

const HnStatus fuzz_failures[] = {HN_INVALID_MODEL, HN_OK};

/* What numbers in a file may do to the arithmetic. */
static const HnStatus prediction_failures[] = {HN_NOT_FINITE, HN_OK};

/* What a model needs of a molecule. */
typedef struct Molecule
{
	HnBatch		batch;
	HnDescription description;
} Molecule;

static HnStatus
describe(HnContext *context, const HnModel *model, Molecule *molecule)
{
	HnGraph    *graph;

	HN_NEW(context, graph, 1);
	HN_TRY(hn_describe_smiles(context, "C[C@H](N)C(=O)O", model->features, hn_model_needs(model), 100, graph,
							  &molecule->description));
	return hn_batch_build(context, graph, 1, &molecule->batch);
}

static HnStatus
predict_head(HnContext *context, const HnModel *model, const HnHead *head, const HnInputs *inputs,
			 FuzzDigest *digest)
{
	size_t		targets = (size_t) head->target_count;
	double	   *values;
	double	   *sds;
	double		novelty;

	HN_TRY(hn_known_novelty(context, head, inputs->fingerprints, 1, &novelty));
	FUZZ_CHECK(hn_known(head) ? novelty >= 0 && isfinite(novelty) : isnan(novelty));
	if (hn_known(head))
		fuzz_digest(digest, &novelty, sizeof(novelty));

	HN_NEW(context, values, targets);
	HN_NEW(context, sds, targets);
	HN_TRY(hn_predict(context, model, head, inputs, values, sds));
	for (size_t t = 0; t < targets; t++)
	{
		FUZZ_CHECK(isfinite(values[t]));
		FUZZ_CHECK(head->task != HN_CLASSIFICATION || (values[t] >= 0 && values[t] <= 1));
		FUZZ_CHECK(isnan(sds[t]) || (sds[t] >= 0 && isfinite(sds[t])));
	}
	fuzz_digest(digest, values, targets * sizeof(*values));
	return HN_OK;
}

/* Fingerprint, predictions and novelty of one molecule; a failure of a head does not keep the others from it. */
static HnStatus
predict(HnContext *context, const HnModel *model, FuzzDigest *digest)
{
	size_t		dim = (size_t) model->fingerprint_config.dim;
	Molecule	molecule;
	HnInputs	inputs;
	real	   *fingerprints;

	HN_TRY(describe(context, model, &molecule));
	HN_TRY(hn_all_fingerprints(context, model, &molecule.batch, &fingerprints));
	fuzz_check_finite(fingerprints, dim * (size_t) (model->other_count + 1));
	for (size_t i = 0; i < dim; i++)
		FUZZ_CHECK(fingerprints[i] >= 0);
	fuzz_digest(digest, fingerprints, dim * sizeof(real));

	inputs = (HnInputs)
	{
		1, fingerprints, molecule.description.descriptors, &molecule.description.counts
	};
	for (int h = 0; h < model->head_count; h++)
	{
		HnStatus	status = predict_head(context, model, &model->heads[h], &inputs, digest);

		if (fuzz_from_outside(status))
			return status;
		if (status != HN_OK)
			fuzz_check_failure(context, status, prediction_failures);
	}
	return HN_OK;
}

/* predict, with its failures as part of the digest: HN_OK unless the failure is from outside. */
static HnStatus
digest_of_predictions(HnContext *context, const HnModel *model, FuzzDigest *digest)
{
	HnStatus	status = predict(context, model, digest);

	if (status == HN_OK || fuzz_from_outside(status))
		return status;
	fuzz_check_failure(context, status, prediction_failures);
	fuzz_digest(digest, &status, sizeof(status));
	return HN_OK;
}

/* Write a model, read that, and write it again. */
static HnStatus
round_trip(HnContext *context, HnModel *model, FuzzDigest *digest)
{
	FuzzDigest	before = {0};
	FuzzDigest	after = {0};
	unsigned char *bytes;
	unsigned char *again;
	size_t		size;
	size_t		size_again;
	HnModel		copy;

	HN_TRY(digest_of_predictions(context, model, &before));
	HN_TRY(hn_model_write(context, model, &bytes, &size));
	HN_TRY(hn_model_read(context, bytes, size, &copy));
	HN_TRY(digest_of_predictions(context, &copy, &after));
	FUZZ_CHECK(before.sum == after.sum);
	HN_TRY(hn_model_write(context, &copy, &again, &size_again));
	FUZZ_CHECK(size == size_again && memcmp(bytes, again, size) == 0);
	fuzz_digest(digest, bytes, size);
	fuzz_digest(digest, &before, sizeof(before));
	return HN_OK;
}

static HnStatus
try_file(HnContext *context, const unsigned char *bytes, size_t size, FuzzDigest *digest)
{
	FuzzDigest	copied = {0};
	FuzzDigest	in_place = {0};
	HnSafetensors file;
	HnModel		model;

	HN_TRY(hn_safetensors_open(context, bytes, size, &file));
	for (int i = 0; i < file.tensor_count; i++)
		FUZZ_CHECK(hn_safetensors_find(&file, file.tensors[i].name) == &file.tensors[i]);
	HN_TRY(hn_model_read(context, bytes, size, &model));
	HN_TRY(digest_of_predictions(context, &model, &copied));
	HN_TRY(round_trip(context, &model, digest));

	HN_TRY(hn_model_read_in_place(context, bytes, size, &model));
	HN_TRY(digest_of_predictions(context, &model, &in_place));
	FUZZ_CHECK(copied.sum == in_place.sum);
	HN_TRY(hn_model_pack(context, &model));
	return digest_of_predictions(context, &model, digest);
}

HnStatus
fuzz_input(HnContext *context, const uint8_t *data, size_t size, FuzzDigest *digest)
{
	/* A copy, because values are used in place only where the file begins as memory does. */
	unsigned char *bytes = malloc(size ? size : 1);
	HnStatus	status;

	FUZZ_CHECK(bytes != NULL);
	if (size > 0)
		memcpy(bytes, data, size);
	status = try_file(context, bytes, size, digest);
	free(bytes);
	return status;
}

/* Replace one of the numbers of a header by another, which must not make it longer than most. */
static size_t
replace_number(uint8_t *header, size_t length, size_t most, unsigned int choice)
{
	static const char *const numbers[] = {
		"0", "1", "2", "3", "4", "-1", "34", "1000", "1001", "4096", "4097", "2147483648",
		"9223372036854775807", "9223372036854775808", "0.5", "-0.0", "1e-320", "1e308", "1e309", "null"
	};
	static const char digits[] = "0123456789.+-eE";
	const char *new = numbers[choice / 64 % (sizeof(numbers) / sizeof(numbers[0]))];
	size_t		begin = choice % (length + 1);
	size_t		end;

	/* The next number from somewhere on; the letter e of a word is none. */
	while (begin < length && (header[begin] < '0' || header[begin] > '9'))
		begin++;
	end = begin;
	while (end < length && strchr(digits, header[end]) != NULL && header[end] != '\0')
		end++;
	if (begin == end || length - (end - begin) + strlen(new) > most)
		return length;
	memmove(header + begin + strlen(new), header + end, length - end);
	memcpy(header + begin, new, strlen(new));
	return length - (end - begin) + strlen(new);
}

extern size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

/*
 * Change the header, and say its new length, or the numbers, or anything:
 * else few mutations would get beyond the length.
 */
size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	uint64_t	length = 0;
	size_t		rest;
	size_t		most;
	uint8_t    *numbers;

	for (int i = LENGTH_BYTES - 1; size >= LENGTH_BYTES && i >= 0; i--)
		length = length << 8 | data[i];
	if (seed % 8 == 0 || size < LENGTH_BYTES || length > size - LENGTH_BYTES)
		return LLVMFuzzerMutate(data, size, max_size);

	rest = size - LENGTH_BYTES - (size_t) length;
	if (seed % 8 == 1)
		return size - rest + LLVMFuzzerMutate(data + size - rest, rest, rest);

	/* The new header grows into the numbers, if need be, which then follow it. */
	numbers = malloc(rest ? rest : 1);
	FUZZ_CHECK(numbers != NULL);
	memcpy(numbers, data + size - rest, rest);
	most = max_size - LENGTH_BYTES - rest;
	length = seed % 8 < 5 ? replace_number(data + LENGTH_BYTES, (size_t) length, most, seed / 8)
		: LLVMFuzzerMutate(data + LENGTH_BYTES, (size_t) length, most);
	memcpy(data + LENGTH_BYTES + length, numbers, rest);
	free(numbers);
	for (int i = 0; i < LENGTH_BYTES; i++)
		data[i] = (uint8_t) (length >> (8 * i));
	return LENGTH_BYTES + (size_t) length + rest;
}
