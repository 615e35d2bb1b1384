/*
 * train/targets.c: what a training is to predict: heads for the columns of its
 * query, and which of them can be learned.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/numeric.h"

#include "model/target.h"
#include "server/core.h"
#include "train/train.h"

/* The column that option "contrast" names, which is of no head; -1 without one. */
static int
ContrastColumn(const Trainer *trainer)
{
	const MoleculeQuery *query = &trainer->data.query;

	if (trainer->options.contrast == NULL)
		return -1;
	for (int t = 0; t < query->target_count; t++)
		if (strcmp(query->targets[t].name, trainer->options.contrast) == 0)
		{
			if (query->targets[t].type == INT4OID)
				return t;
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\", which option \"contrast\" names, is not of type integer",
							query->targets[t].name),
					 errdetail("It says g for a molecule that is active in group g, and -g for one that is not.")));
		}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("query has no column \"%s\", which option \"contrast\" names", trainer->options.contrast)));
}

/*
 * Make heads for the targets of the query, one for the numbers and one for the
 * classes; sets the order of targets, which go head by head. Columns of the
 * set are put into this order by OrderTargets.
 */
static void
MakeHeads(Trainer *trainer)
{
	const MoleculeQuery *query = &trainer->data.query;
	static const char *const names[] = {"regression", "classification"};
	int			groups = ContrastColumn(trainer);
	int			next = 0;

	trainer->head_count = trainer->target_count = 0;
	trainer->heads = palloc0(2 * sizeof(HnHead));
	trainer->column_of_target = palloc(query->target_count * sizeof(int));
	for (HnTask task = HN_REGRESSION; task <= HN_CLASSIFICATION; task++)
	{
		HnHead	   *head = &trainer->heads[trainer->head_count];

		head->name = names[task];
		head->task = task;
		head->targets = palloc0(query->target_count * sizeof(HnTarget));
		for (int t = 0; t < query->target_count; t++)
		{
			HnTarget   *target = &head->targets[head->target_count];

			if (query->targets[t].task != task || t == groups || trainer->skipped[t])
				continue;
			target->name = LabelFromServer(query->targets[t].name);
			target->unit = LabelFromServer(query->targets[t].unit);
			target->std = 1;
			head->target_count++;
			trainer->column_of_target[next++] = t;
		}
		if (head->target_count > 0)
			trainer->head_count++;
	}
	trainer->target_count = next;
	if (groups >= 0)
		trainer->column_of_target[next++] = groups;
	for (int t = 0; t < query->target_count; t++)
		if (trainer->skipped[t])
			trainer->column_of_target[next++] = t;
	if (trainer->head_count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("query has no target beside the groups of option \"contrast\"")));
}

/* Return the index of a target among those of the heads; -1 for none. */
static int
TargetIndex(const Trainer *trainer, const char *name)
{
	int			index = 0;

	for (int h = 0; h < trainer->head_count; h++)
		for (int t = 0; t < trainer->heads[h].target_count; t++, index++)
			if (strcmp(LabelToServer(trainer->heads[h].targets[t].name), name) == 0)
				return index;
	return -1;
}

/* Return whether a column of this name is left out. */
static bool
IsSkipped(const Trainer *trainer, const char *name)
{
	for (int t = 0; t < trainer->data.query.target_count; t++)
		if (trainer->skipped[t] && strcmp(trainer->data.query.targets[t].name, name) == 0)
			return true;
	return false;
}

/* Read option "weights", an object of numbers by the names of targets. */
static void
ReadWeights(Trainer *trainer)
{
	int			count = trainer->data.query.target_count;
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;

	if (trainer->options.weights == NULL)
		return;
	trainer->weights = palloc(count * sizeof(double));
	for (int t = 0; t < count; t++)
		trainer->weights[t] = 1;
	iterator = JsonbIteratorInit(&trainer->options.weights->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char	   *name;
		int			index;
		double		weight;

		if (token == WJB_BEGIN_OBJECT || token == WJB_END_OBJECT)
			continue;
		name = token == WJB_KEY ? pnstrdup(value.val.string.val, value.val.string.len) : NULL;
		index = name ? TargetIndex(trainer, name) : -1;
		if (name && index < 0 && !IsSkipped(trainer, name))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("query has no target \"%s\", which option \"weights\" names", name)));
		if (name)
			(void) JsonbIteratorNext(&iterator, &value, true);
		if (name == NULL || value.type != jbvNumeric)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"weights\" is not an object of numbers")));
		weight = DatumGetFloat8(DirectFunctionCall1(numeric_float8, NumericGetDatum(value.val.numeric)));
		if (!(weight >= 0 && weight <= 1e6))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("weight of target \"%s\" is %g, it must be between 0 and 1000000", name, weight)));
		if (index >= 0)
			trainer->weights[index] = weight;
	}
}

void
DescribeHeads(Trainer *trainer)
{
	MakeHeads(trainer);
	ReadWeights(trainer);
}

/* So many values or fewer, all whole numbers, may be classes. */
#define MAX_CLASSES 5

/*
 * Collect the distinct labels of target t, ascending; returns their number, 0 if one
 * is no whole number or there are more than MAX_CLASSES.
 */
static int
DistinctLabels(const TrainingData *data, int t, double *values)
{
	int			count = 0;

	for (int i = 0; i < data->set.count; i++)
	{
		double		label = data->examples[i].targets[t];
		int			k = 0;

		if (isnan(label))
			continue;
		while (k < count && values[k] < label)
			k++;
		if (k < count && values[k] == label)
			continue;
		if (label != rint(label) || count == MAX_CLASSES)
			return 0;
		memmove(values + k + 1, values + k, (count++ - k) * sizeof(double));
		values[k] = label;
	}
	return count;
}

/* Rows of a target with more than two values, at least, before these are taken for classes. */
#define MIN_CLASS_ROWS 20

/*
 * Files keep classes as 0 and 1, or as codes, which are learned as numbers: with an
 * RMSE, and values beyond and between them. Few want that.
 */
static void
NotifyClassesAmongNumbers(const TrainingData *data, int groups)
{
	for (int t = 0; t < data->query.target_count; t++)
	{
		double		values[MAX_CLASSES + 1];
		int			count = 0;

		if (data->query.targets[t].task == HN_REGRESSION && t != groups)
			count = DistinctLabels(data, t, values);
		if (count == 2 && values[0] == 0 && values[1] == 1)
			ereport(NOTICE,
					(errmsg("target \"%s\" is learned as a number, though it is always 0 or 1",
							data->query.targets[t].name),
					 errhint("To learn it as a class, return a boolean: \"value = 1\" in place of \"value\".")));
		else if (count > 1 && data->set.count >= MIN_CLASS_ROWS)
			ereport(NOTICE,
					(errmsg("target \"%s\" is learned as a number, though it has only %d different values",
							data->query.targets[t].name, count),
					 errhint("To learn classes, return a boolean for each: \"value = %g\", \"value = %g\" and so on.",
							 values[0], values[1])));
	}
}

/* Return the skewness of labels of target t, or of their logarithms; sets their number. NaN if one has none. */
static double
Skewness(const TrainingData *data, int t, bool logarithm, int *n)
{
	double		sums[4] = {0};	/* of powers 0 to 3, about the first label */
	double		origin = NAN;
	double		variance;

	for (int i = 0; i < data->set.count; i++)
	{
		double		label = data->examples[i].targets[t];
		double		value = logarithm ? log(label) : label;

		if (isnan(label))
			continue;
		if (!isfinite(value))
			return NAN;
		if (isnan(origin))
			origin = value;
		value -= origin;
		sums[0] += 1;
		sums[1] += value;
		sums[2] += value * value;
		sums[3] += value * value * value;
	}
	*n = (int) sums[0];
	for (int k = 1; k < 4; k++)
		sums[k] /= sums[0];
	variance = sums[2] - sums[1] * sums[1];
	return (sums[3] - 3 * sums[1] * variance - sums[1] * sums[1] * sums[1]) / pow(variance, 1.5);
}

/* Labels that a skewness is estimated from, at least; and from where on it is worth a word. */
#define MIN_SKEW_LABELS 30
#define MIN_SKEW 1

/*
 * Half-lives, doses and clearances spread over powers of ten: a squared error
 * sees the largest of them alone. Their logarithms are what a model can learn.
 */
static void
NotifySkew(const TrainingData *data, int groups)
{
	for (int t = 0; t < data->query.target_count; t++)
	{
		int			n = 0;
		double		skew = NAN;
		double		left = NAN;

		if (data->query.targets[t].task == HN_REGRESSION && t != groups)
		{
			skew = Skewness(data, t, false, &n);
			left = Skewness(data, t, true, &n);
		}
		if (n >= MIN_SKEW_LABELS && skew > MIN_SKEW && fabs(left) < skew / 2)
			ereport(NOTICE,
					(errmsg("target \"%s\" has a few values far above the others (skewness %.2g)",
							data->query.targets[t].name, skew),
					 errhint("Its logarithm may be learned better: return \"ln(value)\" in place of \"value\".")));
	}
}

static int
CompareNumbers(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

/* Whether a target is an integer that no two rows share, as a key is. */
static bool
LooksLikeKey(const TrainingData *data, int t)
{
	Oid			type = data->query.targets[t].type;
	double	   *labels = palloc_extended(data->set.count * sizeof(double), MCXT_ALLOC_HUGE);
	int			count = 0;
	bool		distinct;

	for (int i = 0; i < data->set.count; i++)
	{
		labels[count] = MoleculeTargets(&data->set, i)[t];
		count += !isnan(labels[count]);
	}
	qsort(labels, count, sizeof(double), CompareNumbers);
	distinct = count == data->set.count && (type == INT2OID || type == INT4OID || type == INT8OID);
	for (int i = 1; i < count && distinct; i++)
		distinct = labels[i] != labels[i - 1];
	pfree(labels);
	return distinct;
}

/* SELECT * brings keys along, which are learned as any number is. */
static void
NotifyKeys(const TrainingData *data, int groups)
{
	for (int t = 0; t < data->query.target_count; t++)
		if (t != groups && LooksLikeKey(data, t))
			ereport(NOTICE,
					(errmsg("target \"%s\" is learned, though it is a different integer in each row, as a key is",
							data->query.targets[t].name),
					 errhint("If it is a key, leave it out of the query.")));
}

/* Keep why a target cannot be learned, for the report and for a message, and count it. */
static void
AddFlaw(Trainer *trainer, int t, StringInfo reasons, int *flaws)
{
	const char *name = trainer->data.query.targets[t].name;
	const char *reason = trainer->context.message;

	trainer->skipped[t] = true;
	appendStringInfoString(&trainer->skips, *flaws > 0 ? ", {\"target\": " : "{\"target\": ");
	escape_json(&trainer->skips, name);
	appendStringInfoString(&trainer->skips, ", \"reason\": ");
	escape_json(&trainer->skips, reason);
	appendStringInfoChar(&trainer->skips, '}');
	appendStringInfo(reasons, "%starget \"%s\" %s", *flaws > 0 ? "\n" : "", name, reason);
	++*flaws;
}

/* Refuse targets that cannot be learned; reasons names each on a line of its own. */
static void
RefuseTargets(int flaws, int targets, const char *reasons)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 flaws == 1 ? errmsg("%s", reasons) : errmsg("%d of %d targets cannot be learned", flaws, targets),
			 flaws > 1 ? errdetail("%s", reasons) : 0,
			 flaws < targets ? errhint("To train the others, set option \"skip_unusable\" to true.") : 0));
}

void
CheckTargets(Trainer *trainer)
{
	const TrainingData *data = &trainer->data;
	HnExample  *examples = TrainExamples(data);
	int			groups = ContrastColumn(trainer);
	int			targets = data->query.target_count - (groups >= 0);
	StringInfoData reasons;
	int			flaws = 0;

	initStringInfo(&reasons);
	NotifyClassesAmongNumbers(data, groups);
	NotifySkew(data, groups);
	NotifyKeys(data, groups);
	for (int t = 0; t < data->query.target_count; t++)
		if (t != groups &&
			hn_training_check_target(&trainer->context, data->query.targets[t].task, examples, data->train_count, t) != HN_OK)
			AddFlaw(trainer, t, &reasons, &flaws);
	pfree(examples);
	if (flaws == 0)
		return;
	if (flaws == targets || !trainer->options.skip_unusable)
		RefuseTargets(flaws, targets, reasons.data);
	ereport(NOTICE,
			(errmsg_plural("%d of %d targets cannot be learned and is skipped",
						   "%d of %d targets cannot be learned and are skipped", flaws, flaws, targets),
			 errdetail("%s", reasons.data)));
	DescribeHeads(trainer);
}
