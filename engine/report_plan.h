/*
 * report_plan - a plan, carried out or not, as messages of a report.
 */
#ifndef TAMIS_REPORT_PLAN_H
#define TAMIS_REPORT_PLAN_H

#include "judge.h"
#include "report.h"

/* Each message with its changes and what became of them. */
void report_plan(struct report *r, const struct judge *j, bool dry_run);

/* Adds a plan's tally to TABLE (one row a rule). */
void report_plan_tally(const struct judge *j, struct report_rule *table);

#endif
