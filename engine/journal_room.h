/*
 * journal_room - what the parts of the journal share; nobody else's.
 *
 * journal.c writes and reads what runs are about, journal_names.c gives
 * UIDs to names, journal_replace.c keeps replacements, journal_errand.c
 * what is done outside, journal_open.c opens; journal_sql.c is all their SQL.
 *
 * Invariants, in the order in which they matter:
 * - whoever writes holds the lock file, so there is one writer;
 * - each public function that writes is one transaction, so that a crash
 *   leaves all of it or nothing;
 * - no statement stays open over a call back or a return, so that a reader
 *   (which may be a pager that waits for somebody) never holds up a writer.
 */
#ifndef TAMIS_JOURNAL_ROOM_H
#define TAMIS_JOURNAL_ROOM_H

#include "database.h"
#include "journal.h"

enum journal_statement {
	SQL_MAILBOX, SQL_MAILBOX_ADD, SQL_CHECKPOINT_SET,
	SQL_PENDING, SQL_PENDING_ADD, SQL_PENDING_DROP, SQL_PENDING_CLEAR,
	SQL_PENDING_NAMES,
	SQL_JUDGED, SQL_JUDGED_ELSEWHERE, SQL_JUDGED_ADD,
	SQL_RUN_ADD, SQL_RUN_END, SQL_RUNS,
	SQL_INTEND, SQL_OUTCOME, SQL_UNDONE, SQL_WAS_UNDONE,
	SQL_UNSETTLED, SQL_COPIED, SQL_COPIED_ADD,
	SQL_COPIED_MOVE, SQL_COPIED_DROP, SQL_PLACED,
	SQL_REPLACE_PUT, SQL_REPLACE_OPEN, SQL_REPLACE_WATCHED,
	SQL_REPLACE_KEPT, SQL_REPLACE_OF_CHANGE, SQL_REPLACE_NEEDS,
	SQL_REPLACE_IS_OURS, SQL_REPLACE_RESTORED, SQL_REPLACE_MADE,
	SQL_REPLACE_BEFORE,
	SQL_REPLACE_COPIED, SQL_REPLACE_ERRANDS,
	SQL_PRUNE_REPLACEMENTS, SQL_PRUNE_CHANGES, SQL_PRUNE_JUDGED, SQL_PRUNE_RUNS,
	SQL_PRUNE_COPIED, SQL_PRUNE_NAMES,
	SQL_NAMES, SQL_NAME_ADD, SQL_NAME_GONE, SQL_NAMES_NUMBERS,
	SQL_NAMES_NEXT,
	SQL_ERRAND_KNOWN, SQL_ERRAND_PUT, SQL_ERRAND_DROP,
	SQL_ERRANDS_WAITING, SQL_ERRAND_MOVED,
	SQL_RULE, SQL_RULE_SET, SQL_NOTE, SQL_NOTE_SET,
	SQL_COUNT
};

/* Of a run, and of a change (c) with its mailbox (m). */
#define RUN_COLUMNS \
	"id, started, ended, rules_version, judged, changed, failed, " \
	"unknown, exit_code"
#define CHANGE_COLUMNS \
	"c.id, c.run, c.time, m.name, c.uidvalidity, c.uid, c.digest, " \
	"c.message_id, c.size, c.sender, c.subject, c.rules, c.kind, " \
	"c.what, c.flags_before, c.labels_before, c.dest_uidvalidity, " \
	"c.dest_from_uid, c.dest_uid, c.state, c.reason"
#define CHANGE_COLUMNS_N	21
/* Of a replacement (p), behind what its change says. */
#define REPLACE_SELECT \
	"SELECT c.run, m.name, c.uidvalidity, c.uid, c.digest, " \
	"c.message_id, c.size, c.rules, c.what, c.sender, c.subject, p.* " \
	"FROM replacement p JOIN change c ON c.id = p.change " \
	"JOIN mailbox m ON m.id = c.mailbox "
#define REPLACE_OWN	11	/* where its own columns begin */

extern const char *const journal_sql[];		/* SQL_COUNT of them */
extern const char journal_schema[];
extern const char journal_schema_replacement[];
extern const char journal_schema_errand[];

struct journal {
	struct arena *arena;	/* its own life */
	const char *dir;	/* for messages */
	struct database *db;
	int lock;		/* -1: none */
	int64_t now;
	bool write;
};

/* database_begin, where the journal was opened for writing. */
MUST_USE bool journal_begin(struct journal *j, struct err *e);

struct mailbox_row {
	int64_t id;		/* 0: not there */
	struct checkpoint checkpoint;
	uint32_t names_uidvalidity, names_uidnext;
};

MUST_USE bool journal_mailbox_get(struct journal *j, struct str name,
    struct mailbox_row *out, struct err *e);
/* The same in a transaction: the row is made if it is not there. */
MUST_USE bool journal_mailbox_need(struct journal *j, struct str name,
    struct mailbox_row *out, struct err *e);
/* In a transaction: a message of MAILBOX was judged. */
MUST_USE bool journal_judged_add(struct journal *j, int64_t mailbox,
    const struct identity *id, struct err *e);
/* In a transaction: an intended change of a mailbox; sets its number. */
MUST_USE bool journal_change_add(struct journal *j, struct change *c,
    struct err *e);
MUST_USE bool journal_settle_change(struct journal *j,
    const struct change *c, struct err *e);

#endif
