/*
 * What the files of the config room share: the table's sections, and readers
 * of what stands under accounts and channels alike.
 */
#ifndef TAMIS_CONFIG_ROOM_H
#define TAMIS_CONFIG_ROOM_H

#include "config.h"
#include "setting.h"

enum section {
	SECTION_TOP, SECTION_ACCOUNT, SECTION_AUTH, SECTION_TLS,
	SECTION_PGP, SECTION_SMIME, SECTION_CHANNEL, SECTION_QUIET,
	SECTION_LIMITS, SECTION_N
};

/* Fills BASE (the section's struct) from MAP, whose keys are called
 * PREFIX.KEY in messages.  False if MAP is no map. */
bool config_section(const struct reading *l, const struct node *map,
    enum section section, const char *prefix, void *base);
/* The defaults of the table. */
void config_defaults(enum section section, void *base);
/* A key that can only be `true`: leaving it out is the other value. */
bool config_true(const struct reading *l, const struct node *map,
    const char *key, bool *out);
/* Of accounts and channels. */
bool config_name_good(struct str name);

struct config_scheme {
	const char *name;	/* "imap", and "imaps" with TLS; also the
				   key's */
	uint16_t tls_port, port;
};
bool config_server(const struct reading *l, const struct node *n,
    const struct config_scheme *scheme, struct account *out);
/* A map of each; TLS after the server. */
void config_auth(const struct reading *l, const struct node *map,
    struct account *out);
void config_tls(const struct reading *l, const struct node *map,
    const char *scheme, struct account *out);

void config_channels(const struct reading *l, const struct node *map,
    struct config *c);
void config_quiet_hours(const struct reading *l, const struct node *map,
    struct quiet_hours *out);

#endif
