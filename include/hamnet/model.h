/*
 * model.h: the configuration and the weights of one model, and its file
 * (model specification, sections 2 to 5).
 *
 * Matrices are row-major, [out, in]. Names of sizes: F atom columns, B bond
 * columns, d engine.dim, h engine.hidden, D fingerprint.dim, G
 * fingerprint.edge_dim; r = 2d, or 0 when the engine is off; b = B when messages
 * see the bonds' features, or 0.
 */
#ifndef HAMNET_MODEL_H
#define HAMNET_MODEL_H

#include <stdint.h>

#include "hamnet/descriptors.h"
#include "hamnet/graph.h"
#include "hamnet/layers.h"
#include "hamnet/safetensors.h"

/* Limits that a file is held to before anything large is allocated. */
#define HN_MAX_WIDTH 4096		/* any width of any layer */
#define HN_MAX_LAYERS 16		/* message layers, hidden layers of networks */
#define HN_MAX_STEPS 1000		/* of the engine, and rounds of the read-out */
#define HN_MAX_TAU 1000.0
#define HN_MAX_HEADS 64
#define HN_MAX_TARGETS 1024		/* of one head */
#define HN_MAX_MEMBERS 32		/* of one head, and generators of a model */
#define HN_MAX_TREES 1000		/* for one target of a head */
#define HN_MAX_HEAD_NAME 63		/* bytes; part of tensor names, so printable ASCII */
#define HN_MAX_LABEL 200		/* bytes of a target's name or unit, UTF-8 without control characters */

typedef struct HnEngineConfig
{
	bool		enabled;
	int			dim;			/* d */
	int			hidden;			/* h */
	int			steps;			/* S */
	double		tau;			/* step size */
	bool		dissipate;
	int			potential_width;	/* h_u, from the file's tensors */
	int			dissipation_width;	/* h_f, from the file's tensors */
} HnEngineConfig;

/* Knots of a scale of similarity; see similarity.h. */
#define HN_SIMILARITY_KNOTS 13

typedef struct HnFingerprintConfig
{
	int			dim;			/* D */
	int			edge_dim;		/* G */
	int			layers;			/* L */
	int			rounds;			/* R */
	bool		bond_messages;	/* messages and edges see the features of the bond */
	bool		projection;		/* the read-out is projected and scaled to the length sqrt(D) */
	bool		calibrated;		/* whether the next is known */
	double		similarity[HN_SIMILARITY_KNOTS];	/* cosine distances, falling; see similarity.h */
	int			counts;			/* C: columns of substructure counts that the projection adds; 0: none */
} HnFingerprintConfig;

typedef enum HnTask
{
	HN_REGRESSION,
	HN_CLASSIFICATION
} HnTask;

/* Labels that differ by less than this part of their size cannot be learned in single precision. */
#define HN_MIN_LABEL_SPREAD 1e-6

typedef struct HnTarget
{
	const char *name;
	const char *unit;			/* "" where the file names none */
	double		mean;			/* regression only: value = y * std + mean */
	double		std;
} HnTarget;

/*
 * The parts that a head may have: one that predicts, or several of these weighed
 * by HN_JOINT. What a part is stands in a file of its own, and behind one
 * interface in src/model/parts.h.
 */
typedef enum HnPartKind
{
	HN_NETWORKS,				/* HnNetworks: layers on the fingerprint */
	HN_GP,						/* a Gaussian process, compares with training molecules: gp.h */
	HN_FOREST,					/* randomised trees on descriptors and counts */
	HN_BOOSTING,				/* boosted trees on the same: boosting.h */
	HN_JOINT,					/* the shares of several parts: joint.h */
	HN_KNOWN,					/* molecules that the head has learned from: known.h */
	HN_PARTS
} HnPartKind;

typedef struct HnPackedHead HnPackedHead;

/*
 * What the networks of a head read beside the fingerprint: columns in the order
 * fingerprint, descriptors, counts. Descriptors and, if it says so, the
 * fingerprint are standardised as Gaussian processes do it (gp.h); counts
 * are log(1 + count), folded by the column's number modulo `counts`.
 */
typedef struct HnHeadInputs
{
	bool		standardised;	/* whether the fingerprint is: log(1 + x), scaled and cut; otherwise as it is */
	const HnDescriptorSet *descriptors; /* NULL: none */
	int			counts;			/* columns of counts; 0: none */

	/* set by hn_model_shape */
	int			fingerprint_width;	/* D */
	int			scaled_width;	/* of the columns that are standardised */
	int			width;			/* of all */

	/* tables of the file */
	float	   *center;			/* [scaled_width] */
	float	   *scale;			/* [scaled_width] not negative; 0 for a constant column */
} HnHeadInputs;

/*
 * One or more members, networks of the same shape whose predictions are
 * averaged. Member i reads the fingerprint of generator i mod G.
 */
typedef struct HnNetworks
{
	int			member_count;	/* 0 counts as 1 */
	int			layer_count;	/* hidden layers + 1 */
	HnLinear   *layers;			/* [members * layer_count], member by member */
	HnHeadInputs *inputs;		/* NULL: the fingerprint alone, as it is */
} HnNetworks;

typedef struct HnHead
{
	const char *name;
	HnTask		task;
	int			target_count;
	HnTarget   *targets;
	void	   *parts[HN_PARTS];	/* by HnPartKind; NULL: the head does not have it */
	const HnPackedHead *packed; /* NULL unless hn_heads_pack made it */
} HnHead;

static inline HnNetworks *
hn_networks(const HnHead *head)
{
	return (HnNetworks *) head->parts[HN_NETWORKS];
}

typedef struct HnEngineWeights
{
	HnLinear	gate;			/* [1, 2F + B] */
	HnLinear	gcn1;			/* [h, F] */
	HnLinear	gcn2;			/* [h, h] */
	HnCell		lstm;			/* in F + 2h, hidden 2d */
	HnLinear	kinetic;		/* W_T [h, d], no bias */
	HnLinear	potential;		/* W_U [h_u, d] */
	HnLinear	dissipation;	/* W_F [h_f, d], no bias */
	HnLinear	position;		/* [3, d] */
} HnEngineWeights;

typedef struct HnMessageLayer
{
	HnLinear	message;		/* [D, 2D + r + b] */
	HnLinear	attention;		/* [1, G + r] */
	HnLinear	edge;			/* [G, 2D + r + b] */
	HnCell		gru;			/* in D, hidden D */
} HnMessageLayer;

typedef struct HnReadout
{
	HnLinear	map;			/* [D, D] */
	HnLinear	attend;			/* [D, D + r] */
	HnLinear	align;			/* [1, 2D + r] */
	HnCell		gru;			/* in D, hidden D */
	HnLinear	projection;		/* [D, D]; with fingerprint_config.projection */
	HnLinear	counts;			/* [C, D], a row for each column of counts, no bias; with fingerprint_config.counts */
} HnReadout;

/*
 * Weights as the forward pass multiplies by them, packed; see linear.h. What
 * one input is multiplied by stands in one matrix.
 */
typedef struct HnPackedEngine
{
	HnPacked	gcn1;			/* [h, F] */
	HnPacked	gcn2;			/* [h, h] */
	HnPackedLstm lstm;
	HnPacked	quadratic;		/* [W_Tᵀ W_T ; W_Fᵀ W_F] [2d, d], or the first half alone */
	HnPacked	potential;		/* W_U [h_u, d], without its bias */
	HnPacked	force;			/* W_Uᵀ [d, h_u] */
	HnPacked	position;		/* [3, d] */
} HnPackedEngine;

typedef struct HnPackedLayer
{
	/*
	 * From [h ; r] to the receiver's and the sender's part of messages and,
	 * but for the last layer, of edges: rows [W_1, W_2] with the bias and
	 * [W_3, -W_2] of each [2D + 2G or 2D, D + r].
	 */
	HnPacked	edges;
	HnPacked	bonds;			/* from E to their third part [D + G or D, B]; unset without bond messages */
	HnPackedGru gru;
} HnPackedLayer;

typedef struct HnPackedGenerator
{
	HnPacked	atom;			/* [D, F] */
	HnPacked	bond;			/* [G, B] */
	HnPackedLayer *layers;		/* [L] */
	HnPacked	map;			/* [D, D] */
	HnPacked	attend;			/* [D, D + r] */
	HnPackedGru gru;			/* of the read-out */
	HnPacked	projection;		/* [D, D]; unset without one */
} HnPackedGenerator;

typedef struct HnPackedModel
{
	HnPackedEngine engine;		/* unset where the engine is off */
	HnPackedGenerator generator;
} HnPackedModel;

/*
 * The generator whose fingerprint hamnet_fingerprint gives is the model's own.
 * A model may hold further ones, of the same shape and after the same engine,
 * for the members of its heads: generator g is others[g - 1], a view of this
 * model that differs from it in atom, bond, layers and readout only, has no
 * heads, and goes wherever a model does that computes a fingerprint.
 */
typedef struct HnModel
{
	const HnFeatureSet *features;
	HnEngineConfig engine_config;
	HnFingerprintConfig fingerprint_config;
	bool		half;			/* whether the file that it was read from has weights of 16 bits */
	int			other_count;	/* G - 1 */
	struct HnModel *others;		/* [G - 1] */
	int			head_count;
	HnEngineWeights engine;
	HnLinear	atom;			/* [D, F] */
	HnLinear	bond;			/* [G, B] */
	HnMessageLayer *layers;		/* [L] */
	HnReadout	readout;
	HnHead	   *heads;			/* [head_count] */
	real	   *parameters;		/* every tensor lies in this one block, if hn_model_allocate made it */
	int64_t		parameter_count;
	const HnPackedModel *packed;	/* NULL unless hn_model_pack made it */
} HnModel;

/* 2d, or 0 when the engine is off: the width of r in every layer. */
extern int	hn_model_coordinate_width(const HnModel *model);

/* b: the columns that messages and edges have for the features of the bond. */
extern int	hn_model_bond_width(const HnModel *model);

/* One tensor of a model: where its pointer is kept, and its shape. */
typedef struct HnTensor
{
	char		name[HN_MAX_TENSOR_NAME];
	int			dims;			/* 1 or 2 */
	int			shape[2];		/* shape[1] is 1 for one dimension */
	real	  **data;			/* the field of HnModel that points to it */
} HnTensor;

/*
 * An array that a file holds beside the parameters of the network, such as the
 * training rows of a Gaussian process. Gradients do not reach it.
 */
typedef struct HnTable
{
	char		name[HN_MAX_TENSOR_NAME];
	HnDtype		dtype;
	int			dims;			/* 1 or 2 */
	int			shape[2];		/* shape[1] is 1 for one dimension */
	void	   *data;			/* the address of the field of a part that points to it */
} HnTable;

/*
 * Check a configuration (features, engine_config, fingerprint_config, and for
 * each head its name, task, targets and parts, of networks layer_count, the out
 * widths of their hidden layers and what they read) against the limits, and set
 * the widths of all layers. Allocates no parameters.
 *
 * HN_INVALID_MODEL, naming the value and its limits. Sizes are positive, but
 * engine.steps may be 0; head names are unique, and target names unique over
 * the model.
 */
extern HnStatus hn_model_shape(HnContext *context, HnModel *model);

/*
 * List every tensor that a model of this configuration has, in the order in
 * which they lie in model->parameters. Widths must be set; pointers need not.
 * This list is the one place that knows tensor names and shapes: reading,
 * writing, initialising and training go through it.
 */
extern HnStatus hn_model_tensors(HnContext *context, HnModel *model, HnTensor **tensors, int *count);

/* List the tables of all parts of all heads. */
extern HnStatus hn_model_tables(HnContext *context, HnModel *model, HnTable **tables, int *count);

/* Return where the values of a table lie, and let it lie elsewhere. */
extern void *hn_table_data(const HnTable *table);
extern void hn_table_place(const HnTable *table, const void *values);

/*
 * Join trained models that differ in their parameters only into one, whose
 * heads have a member for each: its own generator, if the models' generators
 * differ, and its own layers. Joining one model copies it.
 *
 * HN_INVALID_ARGUMENT unless they have the same engine and the same
 * configuration, one generator and one member each, and heads of networks alone.
 */
extern HnStatus hn_model_join(HnContext *context, const HnModel *const *members, int count, HnModel *joined);

/*
 * Put the heads of models that compute the same fingerprint into one model, in
 * their order, each under the name NUMBER.NAME with the number of its model,
 * from 1; or, without heads, give what the models have in common.
 *
 * HN_INVALID_ARGUMENT if two fingerprints differ, HN_INVALID_MODEL as
 * hn_model_read, such as for a target that two of the models have.
 */
extern HnStatus hn_model_combine(HnContext *context, const HnModel *const *models, int count, bool heads,
								 HnModel *combined);

/*
 * hn_model_shape, then allocate the parameters, not cleared, and point every
 * tensor into them; the same for the tables of heads. Memory comes from the context's arena and lives with it.
 */
extern HnStatus hn_model_allocate(HnContext *context, HnModel *model);

/* Let further generators use the engine's tensors, for whoever has pointed these elsewhere. */
extern void hn_model_share_engine(HnModel *model);

/*
 * Make view a model of the same configuration whose tensors lie in
 * parameters, a block of model->parameter_count numbers laid out as
 * model->parameters: other weights (an average, a copy in shared memory), or
 * the gradient of model. Names and configuration are shared with model, packed
 * weights are not.
 */
extern HnStatus hn_model_view(HnContext *context, const HnModel *model, real *parameters, HnModel *view);

/*
 * Keep packed weights with the model, in the context's arena, for a model
 * that is used often and does not change. Without them, a forward pass packs
 * the weights it is about to use; so whoever changes parameters later sets
 * model->packed to NULL.
 */
extern HnStatus hn_model_pack(HnContext *context, HnModel *model);

/*
 * The same for the heads: their weights and the rows that they compare with. A
 * prediction without it packs what it is about to use; so whoever changes
 * anything of a head later sets head->packed to NULL.
 */
extern HnStatus hn_heads_pack(HnContext *context, HnModel *model);

/* Pack the weights of one stage into the context's arena. */
extern HnStatus hn_pack_engine(HnContext *context, const HnModel *model, HnPackedEngine *packed);
extern HnStatus hn_pack_generator(HnContext *context, const HnModel *model, HnPackedGenerator *packed);

/*
 * Read a model file. The result lives in the context's arena and does not
 * point into bytes.
 *
 * HN_INVALID_MODEL, naming what is wrong, for everything that section 5 of
 * the specification lists.
 */
extern HnStatus hn_model_read(HnContext *context, const unsigned char *bytes, size_t size, HnModel *model);

/*
 * The same without a copy of the values: bytes must stay while the model
 * does, the values must not be changed, and model->parameters is NULL.
 */
extern HnStatus hn_model_read_in_place(HnContext *context, const unsigned char *bytes, size_t size,
									   HnModel *model);

/* Write a model file to memory from the context's arena; equal models give equal bytes. */
extern HnStatus hn_model_write(HnContext *context, HnModel *model, unsigned char **bytes, size_t *size);

/*
 * Fill the parameters of an allocated model from a seed by Glorot's rule:
 * every matrix [out, in] uniform in ±sqrt(6 / (in + out)), every vector, which
 * is a bias, zero. Uses only integer arithmetic and exactly rounded
 * operations, so that one seed gives one file on every machine.
 */
extern void hn_model_initialise(HnTensor *tensors, int count, uint64_t seed);

#endif
