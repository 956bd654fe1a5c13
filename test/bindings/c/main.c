/* The cases, in the order of cases.md. */
#define _XOPEN_SOURCE 700
#include "cases.h"

#include <fcntl.h>

static const struct test cases[] = {
    TEST(copies_a_file),
    TEST(tells_what_failed),
    TEST(hands_on_options),
    TEST(refuses_mistaken_options),
    TEST(refuses_bad_paths),
    TEST(copies_names_that_are_not_utf_8),
    TEST(tells_details_on_request),

    TEST(copies_through_a_pool),
    TEST(wakes_its_waiter),
    TEST(reports_progress),
    TEST(cancels_a_job),
    TEST(pauses_and_resumes),
    TEST(survives_an_abandoned_job),
    TEST(copies_ten_thousand_at_once),
    TEST(tells_when_the_job_limit_is_reached),
    TEST(keeps_hard_links_between_jobs),
    TEST(copies_between_open_files),
    TEST(gives_the_finished_file),

    TEST(copies_a_list),
    TEST(adds_to_an_open_list),
    TEST(copies_a_tree),
    TEST(tells_entries_that_fail),
    TEST(answers_questions),
    TEST(stops_by_an_answer),
    TEST(leaves_a_loop_early),

    TEST(keeps_two_pools_apart),
    TEST(closes_with_jobs_in_flight),
    TEST(drains),
    TEST(runs_commands_while_copies_run),
    TEST(is_told_in_a_forked_child),
    TEST(tells_about_itself),

    TEST(reads_and_writes_through_a_buffer),
    TEST(writes_one_buffer_to_three_files),
    TEST(tells_the_end_of_a_file),
    TEST(gives_the_buffer_back_on_error),
    TEST(waits_for_a_buffer),
    TEST(releases_while_busy),
    TEST(keeps_a_buffer_past_its_pool),

    TEST(sets_options_by_name),
    TEST(writes_completions_as_json),
    TEST(describes_what_failed),
    TEST(describes_a_pool),
    TEST(quotes_names),
    {NULL, NULL},
};

const struct test* const groups[] = {cases, NULL};

arsync_pool* open_slow_pool(void) {
    const arsync_pool_options options = {.struct_size = sizeof options, .byte_rate = 64 << 10};
    arsync_pool* pool = NULL;
    NEED(arsync_pool_open(&options, &pool) == 0);
    return pool;
}

int open_file(const char* name, int flags) {
    const int fd = openat(work, name, flags | O_CLOEXEC, 0644);
    NEED(fd >= 0);
    return fd;
}
