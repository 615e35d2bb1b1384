/*
 * section.h: the objects of a model file's configuration: their values, checked
 * as they are read, and the way back.
 */
#ifndef HAMNET_SECTION_H
#define HAMNET_SECTION_H

#include "hamnet/json.h"
#include "hamnet/model.h"

/* An object of the configuration and its name in messages, such as "heads[2]". */
typedef struct HnSection
{
	json_t	   *object;
	char		name[48];
} HnSection;

/*
 * Enter an object, which may hold these keys and no others; section->name is set
 * by the caller. Whatever is missing or of another type is HN_INVALID_MODEL,
 * which names the key and the section.
 */
extern HnStatus hn_section_enter(HnContext *context, HnSection *section, json_t *value, const char *const *keys);

/* Enter the object under a key of another section, which names it. */
extern HnStatus hn_section_enter_key(HnContext *context, const HnSection *outer, const char *key,
									 const char *const *keys, HnSection *section);

/* Report that a value is missing, or not what was wanted, such as "a number". */
extern HnStatus hn_section_wrong_type(HnContext *context, const HnSection *section, const char *key, json_t *value,
									  const char *wanted);

extern HnStatus hn_section_bool(HnContext *context, const HnSection *section, const char *key, bool *result);
extern HnStatus hn_section_int(HnContext *context, const HnSection *section, const char *key, int *result);
extern HnStatus hn_section_double(HnContext *context, const HnSection *section, const char *key, double *result);

/* Copy a string into the context's arena. */
extern HnStatus hn_section_string(HnContext *context, const HnSection *section, const char *key, const char **result);

extern HnStatus hn_section_array(HnContext *context, const HnSection *section, const char *key, json_t **result);

/* Read an array with an element for each target. */
extern HnStatus hn_section_target_array(HnContext *context, const HnSection *section, const char *key,
										const HnHead *head, json_t **result);

/* Convert an element of the array under a key. */
extern HnStatus hn_section_to_int(HnContext *context, const HnSection *section, const char *key, json_t *value,
								  int *result);

/* Read a number of things that is left out when it is one. */
extern HnStatus hn_section_several(HnContext *context, const HnSection *section, const char *key, int *result);

/* Find which of the names a string is. */
extern HnStatus hn_section_choice(HnContext *context, const HnSection *section, const char *key,
								  const char *const *names, int count, int *choice);

extern HnStatus hn_section_descriptors(HnContext *context, const HnSection *section, const char *key,
									   const HnDescriptorSet **set);

/*
 * Writing. In json_pack's formats "o" takes a reference even when it fails, and
 * fails for a NULL, so that the memory an inner call lacked makes the outer ones
 * fail; these do the same: set a key, or append an element, or release the
 * object and return NULL.
 */
extern json_t *hn_json_with(json_t *object, const char *key, json_t *value);
extern json_t *hn_json_append(json_t *array, json_t *value);

#endif
