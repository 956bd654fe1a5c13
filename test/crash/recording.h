// One disk on which a plan was carried out, with all that became of it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "crash/judge.h"
#include "crash/log.h"
#include "crash/states.h"
#include "crash/volume.h"
#include "crash/works.h"

namespace crash {

struct Recorded {
    Work work;
    std::string directory; // of its destination, on the disk
    Before_and_after known;
    size_t begun = 0, done = 0; // the marks' entries in the log
};

class Recording {
public:
    // directory: an empty one. Throws where the rig cannot do its part.
    Recording(const Filesystem& kind, const std::string& directory, uint64_t seed, bool durable);

    // What could not be had here, or went wrong with a copy.
    const std::string& skipped() const { return skipped_; }
    const std::vector<std::string>& failures() const { return failures_; }

    const Log& log() const { return *log_; }
    size_t first_mark() const { return first_mark_; }
    // The image as it was when the log began; a Disk makes it go on from there.
    std::string base() const { return directory_ + "/base"; }
    // What does not hold in a state's image. Also counts the works that were looked at and done by
    // then, and those of them that have losses.
    std::vector<std::string> judge_image(const std::string& image, const State& state);

    uint64_t works_done = 0;
    uint64_t works_lost = 0;

private:
    void prepare(const Plan& plan);
    void carry_out(const Plan& plan, bool durable);
    void run_together(const std::vector<Work>& works, size_t first, const class Recorder& recorder);
    Place place_of(const Recorded& one) const;
    void find_marks();
    bool looks_at(const Recorded& one, const State& state) const;

    const Filesystem kind_;
    const std::string directory_;
    const std::string mounted_at_;
    const uint64_t seed_;
    std::string skipped_;
    std::vector<std::string> failures_;
    std::vector<Recorded> all_;
    Facts source_; // the one on the disk
    std::unique_ptr<Log> log_;
    size_t first_mark_ = 0;
};

} // namespace crash
