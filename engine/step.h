/*
 * step - named points at which a test can let the program die.
 *
 * step("name") is nothing in a normal build.  With -DTAMIS_STEPS the
 * environment decides: TAMIS_STEP_LOG is a file that each name is added to,
 * TAMIS_STEP_DIE is "name" or "name:N", and the process kills itself when
 * it comes to that point (for the N-th time, from 1); with TAMIS_STEP_STOP it
 * stops itself, so that somebody else can change things meanwhile.
 */
#ifndef TAMIS_STEP_H
#define TAMIS_STEP_H

#ifdef TAMIS_STEPS
void step(const char *name);
#else
#define step(name)	((void)0)
#endif

#endif
