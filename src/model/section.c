/*
 * section.c: the objects of a model file's configuration, value by value.
 */
#include "section.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "hamnet/text.h"

HnStatus
hn_section_enter(HnContext *context, HnSection *section, json_t *value, const char *const *keys)
{
	section->object = value;
	if (value == NULL)
		return hn_fail(context, HN_INVALID_MODEL, "%s is missing", section->name);
	if (!json_is_object(value))
		return hn_fail(context, HN_INVALID_MODEL, "%s is %s, not an object",
					   section->name, hn_json_type_name(value));
	return hn_json_known_keys(context, section->name, value, keys);
}

HnStatus
hn_section_enter_key(HnContext *context, const HnSection *outer, const char *key, const char *const *keys,
					 HnSection *section)
{
	snprintf(section->name, sizeof(section->name), "%.32s.%.14s", outer->name, key);
	return hn_section_enter(context, section, json_object_get(outer->object, key), keys);
}

HnStatus
hn_section_wrong_type(HnContext *context, const HnSection *section, const char *key, json_t *value, const char *wanted)
{
	if (value == NULL)
		return hn_fail(context, HN_INVALID_MODEL, "%s of %s is missing", key, section->name);
	return hn_fail(context, HN_INVALID_MODEL, "%s of %s is %s, not %s",
				   key, section->name, hn_json_type_name(value), wanted);
}

HnStatus
hn_section_bool(HnContext *context, const HnSection *section, const char *key, bool *result)
{
	json_t	   *value = json_object_get(section->object, key);

	if (!json_is_boolean(value))
		return hn_section_wrong_type(context, section, key, value, "a boolean");
	*result = json_is_true(value);
	return HN_OK;
}

HnStatus
hn_section_to_int(HnContext *context, const HnSection *section, const char *key, json_t *value, int *result)
{
	if (!json_is_integer(value))
		return hn_section_wrong_type(context, section, key, value, "an integer");
	if (json_integer_value(value) < INT_MIN || json_integer_value(value) > INT_MAX)
		return hn_fail(context, HN_INVALID_MODEL, "%s of %s is out of range: %" JSON_INTEGER_FORMAT,
					   key, section->name, json_integer_value(value));
	*result = (int) json_integer_value(value);
	return HN_OK;
}

HnStatus
hn_section_int(HnContext *context, const HnSection *section, const char *key, int *result)
{
	return hn_section_to_int(context, section, key, json_object_get(section->object, key), result);
}

HnStatus
hn_section_several(HnContext *context, const HnSection *section, const char *key, int *result)
{
	*result = 1;
	if (json_object_get(section->object, key) == NULL)
		return HN_OK;
	HN_TRY(hn_section_int(context, section, key, result));
	if (*result < 2 || *result > HN_MAX_MEMBERS)
		return hn_fail(context, HN_INVALID_MODEL, "%s of %s is %d, it must be between 2 and %d, or absent for 1",
					   key, section->name, *result, HN_MAX_MEMBERS);
	return HN_OK;
}

HnStatus
hn_section_double(HnContext *context, const HnSection *section, const char *key, double *result)
{
	json_t	   *value = json_object_get(section->object, key);

	if (!json_is_number(value))
		return hn_section_wrong_type(context, section, key, value, "a number");
	*result = json_number_value(value);
	return HN_OK;
}

HnStatus
hn_section_string(HnContext *context, const HnSection *section, const char *key, const char **result)
{
	json_t	   *value = json_object_get(section->object, key);

	if (!json_is_string(value))
		return hn_section_wrong_type(context, section, key, value, "a string");
	return hn_copy_string(context, json_string_value(value), result);
}

HnStatus
hn_section_array(HnContext *context, const HnSection *section, const char *key, json_t **result)
{
	json_t	   *value = json_object_get(section->object, key);

	if (!json_is_array(value))
		return hn_section_wrong_type(context, section, key, value, "an array");
	*result = value;
	return HN_OK;
}

HnStatus
hn_section_choice(HnContext *context, const HnSection *section, const char *key, const char *const *names, int count,
		   int *choice)
{
	const char *name = NULL;
	char		expected[100] = "";

	HN_TRY(hn_section_string(context, section, key, &name));
	HN_ASSERT(name != NULL);
	for (int i = 0; i < count; i++)
	{
		size_t		used = strlen(expected);

		if (strcmp(name, names[i]) == 0)
		{
			*choice = i;
			return HN_OK;
		}
		snprintf(expected + used, sizeof(expected) - used, "%s%s", i > 0 ? " or " : "", names[i]);
	}
	return hn_fail(context, HN_INVALID_MODEL, "unrecognized %s \"%s\" of %s, expected %s",
				   key, hn_quoted(name).text, section->name, expected);
}

HnStatus
hn_section_descriptors(HnContext *context, const HnSection *section, const char *key, const HnDescriptorSet **set)
{
	const char *name = NULL;

	HN_TRY(hn_section_string(context, section, key, &name));
	*set = hn_descriptor_set(name);
	if (*set == NULL)
		return hn_fail(context, HN_INVALID_MODEL, "unrecognized descriptor set \"%s\", expected \"%s\" or \"%s\"",
					   hn_quoted(name).text, hn_descriptors_rdkit_2d.name, hn_descriptors_conformer.name);
	return HN_OK;
}

HnStatus
hn_section_target_array(HnContext *context, const HnSection *section, const char *key, const HnHead *head,
						json_t **result)
{
	HN_TRY(hn_section_array(context, section, key, result));
	if ((int) json_array_size(*result) != head->target_count)
		return hn_fail(context, HN_INVALID_MODEL, "%s has %d %s for %d targets",
					   section->name, (int) json_array_size(*result), key, head->target_count);
	return HN_OK;
}

json_t *
hn_json_with(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) == 0)
		return object;
	json_decref(object);
	return NULL;
}

json_t *
hn_json_append(json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) == 0)
		return array;
	json_decref(array);
	return NULL;
}
