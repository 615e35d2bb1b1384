/*
 * golden.h: expected values from files, for the unit tests.
 *
 * The files lie in the directory that the environment variable HAMNET_GOLDEN
 * names, test/golden by default.
 */
#ifndef HAMNET_TEST_GOLDEN_H
#define HAMNET_TEST_GOLDEN_H

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* Path of a golden file, valid until the next call. */
static inline const char *
golden_path(const char *name)
{
	static char path[4096];
	const char *directory = getenv("HAMNET_GOLDEN");

	snprintf(path, sizeof(path), "%s/%s", directory ? directory : "test/golden", name);
	return path;
}

/* The contents of a JSON file, to be given back with json_decref. Ends the test program if it cannot be read. */
static inline json_t *
golden_json(const char *name)
{
	json_error_t error;
	json_t	   *root = json_load_file(golden_path(name), 0, &error);

	if (root == NULL)
	{
		fprintf(stderr, "%s:%d: %s\n", golden_path(name), error.line, error.text);
		exit(1);
	}
	return root;
}

#endif
