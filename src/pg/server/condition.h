/*
 * server/condition.h: conditions that a caller gives as text, to be put into a statement.
 */
#ifndef HAMNET_SERVER_CONDITION_H
#define HAMNET_SERVER_CONDITION_H

/*
 * Ensure that a text, which an error calls by `name`, is one expression by
 * itself: then it is the same expression between "(\n" and "\n)", and cannot end
 * what it is put into.
 */
extern void CheckCondition(const char *name, const char *text);

#endif
