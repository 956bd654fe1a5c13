/* A small file manager: it copies things of the working directory to another one, as one list.
 *
 *     file_manager TO NAME...
 *
 * Where something is at a destination already, it asks what to do. It reads one letter a line:
 * s skip, r replace, k keep both, x stop; in capitals, the answer is for all that follow. At any
 * time p pauses the copy, g lets it go on, and c cancels it. In the end y undoes the whole copy,
 * because what it replaced has a backup. */
#define _GNU_SOURCE
#include <arsync.h>
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Something that the copy made, and the backup of what was there. Paths are relative to TO. */
struct change {
    char* path;
    char* backup;
    int is_directory;
};

static arsync_pool* pool;
static arsync_job job;
static arsync_item* items;
static struct change* changes;
static size_t change_count, copied, skipped, failed;

/* Questions that wait for the user, oldest first. A job never has more of them. */
static struct question {
    arsync_question id;
    char* path;
    uint64_t size, new_size;
} questions[ARSYNC_QUESTIONS_WAITING_MAX];
static size_t first_question, question_count;
static uint32_t answer_to_all;
static char line[80]; /* of the user, until it has been heeded */

/* The path that a completion is about, or with a name what has this name in the same directory. */
static char* path_of(const arsync_completion* done, const char* name) {
    const char* item = items[done->user_data].dst;
    const char* below = done->path ? done->path : "";
    char *path, *other;
    if (asprintf(&path, "%s%s%s", item, *below ? "/" : "", below) < 0)
        abort();
    if (!name)
        return path;
    const char* slash = strrchr(path, '/');
    if (asprintf(&other, "%.*s%s", slash ? (int)(slash - path) + 1 : 0, path, name) < 0)
        abort();
    free(path);
    return other;
}

/* An entry or an item has ended. */
static void remember(const arsync_completion* done) {
    const int backed_up = (done->flags & ARSYNC_COMPLETION_BACKED_UP) != 0;
    const int is_copied = (done->flags & ARSYNC_COMPLETION_COPIED) != 0;
    const int is_directory = done->action == ARSYNC_ACTION_MAKE_DIRECTORY;
    const int kept_both = (done->flags & ARSYNC_COMPLETION_KEPT_BOTH) != 0;
    char* path = path_of(done, kept_both ? done->details->name : NULL);
    copied += (size_t)is_copied;
    skipped += done->action == ARSYNC_ACTION_SKIP;
    failed += done->result != 0 && done->result != -ECANCELED;
    if (done->result != 0 && done->result != -ECANCELED)
        printf("%s: %s: %s\n", path, arsync_stage_name(done->stage), arsync_strerror(done->result));
    if (!(changes = realloc(changes, (change_count + 1) * sizeof *changes)))
        abort();
    changes[change_count] = (struct change){
        path, backed_up ? path_of(done, done->details->backup) : NULL, is_directory};
    change_count += is_copied || backed_up || is_directory;
}

/* Newest first, so that directories are empty when they go. */
static void undo(int to) {
    while (change_count > 0) {
        const struct change* change = &changes[--change_count];
        if (unlinkat(to, change->path, change->is_directory ? AT_REMOVEDIR : 0) != 0)
            perror(change->path);
        if (change->backup && renameat(to, change->backup, to, change->path) != 0)
            perror(change->backup);
    }
    printf("undone\n");
}

static void show_question(void) {
    const struct question* one = &questions[first_question];
    if (question_count > 0)
        printf("%s is there (%" PRIu64 " bytes, the new one %" PRIu64 "): s, r, k, x? ", one->path,
               one->size, one->new_size);
}

static void ask(const arsync_completion* done) {
    const arsync_details* details = done->details;
    const size_t last = (first_question + question_count) % ARSYNC_QUESTIONS_WAITING_MAX;
    if (answer_to_all != 0) {
        arsync_answer(pool, details->question, answer_to_all);
        return;
    }
    questions[last] = (struct question){details->question, path_of(done, NULL),
                                        details->destination.size, details->source.size};
    if (++question_count == 1)
        show_question();
}

static void answer(char letter) {
    static const char letters[] = "srkx"; /* in the order of enum arsync_answer_kind */
    const char* found = strchr(letters, tolower(letter));
    const uint32_t kind = found ? ARSYNC_ANSWER_SKIP + (uint32_t)(found - letters) : 0;
    if (isupper(letter) || kind == ARSYNC_ANSWER_STOP)
        answer_to_all = kind;
    size_t now = kind == 0 ? 0 : answer_to_all != 0 ? question_count : 1;
    for (; now > 0; --now, --question_count) {
        arsync_answer(pool, questions[first_question].id, kind);
        free(questions[first_question].path);
        first_question = (first_question + 1) % ARSYNC_QUESTIONS_WAITING_MAX;
    }
    show_question();
}

static void adjust(uint32_t what) {
    const arsync_adjustment adjustment = {.struct_size = sizeof adjustment, .what = what};
    arsync_progress now = {.struct_size = sizeof now};
    arsync_job_adjust(pool, job, &adjustment);
    arsync_job_progress(pool, job, &now);
    printf("%s, %" PRIu64 " of %" PRIu64 " entries\n",
           now.flags & ARSYNC_PROGRESS_PAUSED ? "paused" : "goes on", now.entries_done,
           now.entries_total);
    show_question();
}

/* 0 if it is an answer and there is no question yet. */
static int obey(char letter) {
    if (letter == 'c')
        arsync_job_cancel(pool, job);
    else if (letter == 'p' || letter == 'g')
        adjust(letter == 'p' ? ARSYNC_ADJUST_PAUSE : ARSYNC_ADJUST_RESUME);
    else if (question_count > 0)
        answer(letter);
    else
        return 0;
    return 1;
}

/* Until the job has ended; its result. An answer that comes before its question is kept. */
static int run(void) {
    struct pollfd ready[] = {{arsync_pool_event_fd(pool), POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    arsync_completion done;
    for (;;) {
        ready[1].fd = *line ? -1 : STDIN_FILENO;
        poll(ready, 2, -1);
        while (arsync_poll(pool, &done, 1, 0) == 1) {
            if (done.kind == ARSYNC_COMPLETION_JOB)
                return done.result;
            if (done.kind == ARSYNC_COMPLETION_QUESTION)
                ask(&done);
            else if (done.action != ARSYNC_ACTION_TREE) /* whose entries told */
                remember(&done);
        }
        if (!*line && ready[1].revents != 0 && !fgets(line, sizeof line, stdin))
            strcpy(line, "c");
        if (*line && obey(*line) && *line != 'c')
            *line = 0;
    }
}

int main(int argc, char** argv) {
    const int to = argc < 3 ? -1 : open(argv[1], O_RDONLY | O_DIRECTORY);
    const size_t count = argc < 3 ? 0 : (size_t)argc - 2;
    if (to < 0)
        err(2, "usage: file_manager TO NAME...");
    setvbuf(stdin, NULL, _IONBF, 0);  /* so that poll(2) sees what is yet to be read, */
    setvbuf(stdout, NULL, _IONBF, 0); /* and the user each question */
    items = calloc(count, sizeof *items);
    for (size_t i = 0; items && i < count; ++i)
        items[i] = (arsync_item){argv[i + 2], argv[i + 2], i, 0};
    const arsync_copy_options options = {.struct_size = sizeof options,
                                         .flags = ARSYNC_COPY_RECURSIVE,
                                         .update = ARSYNC_UPDATE_ASK,
                                         .backup = ARSYNC_BACKUP_NUMBERED,
                                         .report = ARSYNC_REPORT_ALL};
    int error = arsync_pool_open(NULL, &pool);
    if (error == 0)
        error = arsync_submit_list(pool, AT_FDCWD, to, items, count, &options, 0, &job);
    if (error == 0)
        error = run();
    arsync_pool_close(pool);
    printf("%zu copied, %zu skipped, %zu failed: %s. Undo? ", copied, skipped, failed,
           error == 0 ? "done" : arsync_strerror(error));
    if (((*line && *line != 'c') || fgets(line, sizeof line, stdin)) && *line == 'y')
        undo(to);
    return error != 0;
}
