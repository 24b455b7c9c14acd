/*
 * report - what the user asked for, on standard output: text or JSON.
 *
 * A command fills a struct below and hands it over; whether it comes out as
 * text for people or, with --json, as one object a line is decided here and
 * nowhere else, so that both always say the same.
 *
 * All text from mail, servers and files is escaped here (buf_add_shown), in
 * JSON too (object.h).  Colours only on a terminal, and not when NO_COLOR is
 * set to something.
 *
 * Every JSON object has "v": 1 and "type"; new members may come without a
 * new version, so readers skip what they do not know.  Members that would be
 * empty are left out unless said otherwise; times are RFC 3339 in UTC.
 *
 * Life:   in the arena given to report_make.
 * Errors: a failed write is remembered; everything after it is dropped.
 */
#ifndef TAMIS_REPORT_H
#define TAMIS_REPORT_H

#include "journal.h"
#include "report_write.h"
#include "stats.h"

/* ------------------------------------------------------------ problems */

/*
 * {"v":1,"type":"problem","level":"error"|"warning","file":,"line":,"col":,
 *  "width":,"text":,"hint":}
 * Text: as problem_show, on standard error unless the problems are what was
 * asked for (`check`).
 */
void report_problems(struct report *r, struct problems *ps, bool asked_for);

/* {"v":1,"type":"check","files":,"rules":,"tests":,"errors":,"warnings":} */
struct report_check {
	size_t files, rules, tests, errors, warnings;
};
void report_check(struct report *r, const struct report_check *c);

/* --------------------------------------------------------------- tests */

/*
 * {"v":1,"type":"test","name":,"file":,"line":,"passed":true|false,
 *  "differences":[,..]}
 */
void report_test(struct report *r, const struct rules_test_result *t);
/* {"v":1,"type":"tests","passed":,"failed":} */
void report_tests(struct report *r, size_t passed, size_t failed);

/* ------------------------------------------------------------ messages */

/* Which message. */
struct report_id {
	struct str account, mailbox;
	uint32_t uid;		/* 0: none */
	struct str source;	/* file name; empty: none */
	struct str from, subject, message_id;
};

/* Something that is, would be or was done to a message. */
struct report_change {
	enum op_kind kind;
	struct str what;	/* one label, flag or mailbox */
	struct str rules;	/* who wants it: names joined by ", " */
	const char *state;	/* "would", "already", "done", "failed",
				   "unsure" */
	struct str reason;	/* for failed, unsure */
};

/*
 * {"v":1,"type":"message","account":,"mailbox":,"uid":,"source":,"from":,
 *  "subject":,"message_id":,"rules":["fired",..],
 *  "unknown":[{"rule":,"reason":},..],"failed":[{"rule":,"reason":},..],
 *  "changes":[{"do":"label","what":,"rules":,"state":,"reason":},..],
 *  "failure":"why nothing is done","pending":"why it will be judged again"}
 * "do" is label, unlabel, flag, unflag, copy, move, delete or rewrite.  With -q only
 * messages of which something failed come out as text.
 */
struct report_note {		/* a rule that is unknown or failed */
	uint32_t rule;
	bool failed;
	struct str text;
};
struct report_message {
	struct report_id id;
	const struct rules *rules;
	const uint32_t *fired;	/* indices of rules */
	size_t n_fired;
	const struct report_note *notes;
	size_t n_notes;
	const struct report_change *changes;
	size_t n_changes;
	struct str failure;	/* nothing is done to it; why */
	struct str pending;	/* empty: it does not pend */
	bool told;		/* an earlier run has said so: text is
				   silent about it, unless chatty */
};
void report_message(struct report *r, const struct report_message *m);
const char *report_verb(enum op_kind kind);

/*
 * The table by rule at the end of a dry run.
 * {"v":1,"type":"rule","account":,"name":,"matched":,"would_change":,
 *  "already":,"unknown":,"failed":}
 */
struct report_rule {
	const char *name;
	uint64_t matched, would_change, already, unknown, failed;
};
void report_rules(struct report *r, struct str account,
    const struct report_rule *list, size_t n);

/*
 * The last word on an account.  As text it is left out when there is nothing
 * to tell (so that cron sends no mail), unless the style is chatty.
 * {"v":1,"type":"run","account":,"run":,"dry_run":,"judged":,"changed":,
 *  "failed":,"unknown":,"pending":,"baseline":,"seconds":,"turns":,
 *  "octets_in":,"octets_out":,"exit":,"error":}
 */
struct report_run {
	struct str account;
	int64_t run;		/* the journal's number; 0: none */
	bool dry_run;
	uint64_t judged, changed, failed, unknown, pending;
	uint64_t baseline;	/* older messages that a first run left alone */
	double seconds;
	uint64_t turns, octets_in, octets_out;
	int exit_code;
	struct str error;
	bool unsaid;		/* as text the error is left out: it may pass */
};
void report_run(struct report *r, const struct report_run *run);

/*
 * A fact, for doctor.
 * {"v":1,"type":"fact","account":,"key":,"value":,"good":true|false}
 */
struct report_fact {
	struct str account, key, value;
	bool good;		/* false: it will not work like this */
};
void report_fact(struct report *r, const struct report_fact *f);

/* --------------------------------------------------------------- words */

/*
 * {"v":1,"type":"word","name":,"of":,"takes":,"help":,
 *  "supported":true|false}
 * FULL: as text with what they take; else a line each, OF above them.
 */
void report_words(struct report *r, const struct rules_word *list, size_t n,
    bool full);
/* The text of a file: as it is, with --json too. */
void report_file(struct report *r, struct str text);

/* ------------------------------------------------------------- explain */

/*
 * {"v":1,"type":"explanation", the members of "message" that name it,
 *  "labels_before":[..],"labels_after":[..],"mailbox_before":,
 *  "mailbox_after":,"flags_before":[..],"flags_after":[..],
 *  "changes":[as in message],"commands":["UID STORE ..",..],
 *  "rules":[{"name":,"file":,"line":,"truth":"true"|"false"|"unknown",
 *   "reached":,"reason":,"failure":,"tree":TREE},..]}
 * TREE: {"text":,"line":,"truth":,"reached":,"decides":,"value":,"reason":,
 *  "kids":[TREE,..]}
 */
struct mask;		/* mask.h */
struct report_explanation {
	struct report_id id;
	const struct facts *facts;
	const struct rules *rules;
	const struct verdict *verdict;
	const struct report_change *changes;
	size_t n_changes;
	const struct str *commands;	/* what would be sent; see rehearsal */
	size_t n_commands;
	const char *only;	/* of all rules this one; NULL: all */
	bool whole;		/* as text: conditions that were not needed
				   are shown, too, not counted */
	struct mask *mask;	/* NULL: nothing is masked */
};
void report_explanation(struct report *r,
    const struct report_explanation *x);

/* ------------------------------------------------------------- history */

/*
 * {"v":1,"type":"change","account":,"run":,"time":,"mailbox":,
 *  "uidvalidity":,"uid":,"message_id":,"from":,"subject":,"rules":,"do":,
 *  "what":,"flags_before":[..],"labels_before":[..],"dest_uid":,
 *  "state":"intended"|"done"|"failed"|"void"|"unsure"|"undone","reason":,
 *  "rules_version":}
 * RUN may be NULL.  As text one line without a time, to stand below its run;
 * in full the time and what was before as well.
 */
void report_history(struct report *r, struct str account,
    const struct change *c, const struct run_record *run);
void report_history_full(struct report *r, struct str account,
    const struct change *c, const struct run_record *run);

/*
 * What undo did with a change, as it was.
 * {"v":1,"type":"undone","account":,"run":,"time":,"mailbox":,
 *  "uidvalidity":,"uid":,"message_id":,"from":,"subject":,"rules":,"do":,
 *  "what":,"flags_before":[..],"labels_before":[..],"dest_uid":,
 *  "state":"would"|"done"|"failed"|"left","reason":}
 */
void report_undo(struct report *r, struct str account,
    const struct change *c, const char *state, struct str reason);

/*
 * {"v":1,"type":"past_run","account":,"run":,"started":,"ended":,
 *  "rules_version":,"judged":,"changed":,"failed":,"unknown":,"exit":}
 */
void report_past_run(struct report *r, struct str account,
    const struct run_record *run);

/*
 * What recover came upon, behind its changes.
 * {"v":1,"type":"recovered","account":,"changes":,"done":,"void":,"unsure":,
 *  "waiting":,"late":}
 */
struct report_recovered {
	struct str account;
	size_t changes, done, void_, unsure, waiting;
	size_t late;		/* uploads that landed and were moved away */
};
void report_recovered(struct report *r, const struct report_recovered *x);

/*
 * What the journal tells, counted; for each rule, each day with changes, and
 * the account.
 * {"v":1,"type":"rule_stats","account":,"name":,"messages":,"changes":,
 *  "failed":,"last":,"known":true|false}
 * {"v":1,"type":"day_stats","account":,"day":"2026-01-15","messages":,
 *  "changes":,"failed":}
 * {"v":1,"type":"stats","account":,"since":,"runs":,"judged":,"messages":,
 *  "changes":,"failed":}
 */
struct report_stats {
	struct str account;
	const struct stats *stats;
};
void report_stats(struct report *r, const struct report_stats *list,
    size_t n);
/* The same as one HTML page that needs nothing else. */
void report_stats_page(struct report *r, const struct report_stats *list,
    size_t n, int64_t now);

#endif
