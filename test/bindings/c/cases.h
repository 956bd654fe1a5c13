/* The cases of cases.md in C, on what the client of the ABI's tests has. */
#ifndef CASES_H
#define CASES_H

#include "client.h"

#define CASE(name) void name(void)

CASE(copies_a_file);
CASE(tells_what_failed);
CASE(hands_on_options);
CASE(refuses_mistaken_options);
CASE(refuses_bad_paths);
CASE(copies_names_that_are_not_utf_8);
CASE(tells_details_on_request);

CASE(copies_through_a_pool);
CASE(wakes_its_waiter);
CASE(reports_progress);
CASE(cancels_a_job);
CASE(pauses_and_resumes);
CASE(survives_an_abandoned_job);
CASE(copies_ten_thousand_at_once);
CASE(tells_when_the_job_limit_is_reached);
CASE(keeps_hard_links_between_jobs);
CASE(copies_between_open_files);
CASE(gives_the_finished_file);

CASE(copies_a_list);
CASE(adds_to_an_open_list);
CASE(copies_a_tree);
CASE(tells_entries_that_fail);
CASE(answers_questions);
CASE(stops_by_an_answer);
CASE(leaves_a_loop_early);

CASE(keeps_two_pools_apart);
CASE(closes_with_jobs_in_flight);
CASE(drains);
CASE(runs_commands_while_copies_run);
CASE(is_told_in_a_forked_child);
CASE(tells_about_itself);

CASE(reads_and_writes_through_a_buffer);
CASE(writes_one_buffer_to_three_files);
CASE(tells_the_end_of_a_file);
CASE(gives_the_buffer_back_on_error);
CASE(waits_for_a_buffer);
CASE(releases_while_busy);
CASE(keeps_a_buffer_past_its_pool);

CASE(sets_options_by_name);
CASE(writes_completions_as_json);
CASE(describes_what_failed);
CASE(describes_a_pool);
CASE(quotes_names);

/* A pool that copies so slowly that a copy of "from" does not end by itself. */
arsync_pool* open_slow_pool(void);
int open_file(const char* name, int flags);

#endif
