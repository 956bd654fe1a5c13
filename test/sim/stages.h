// What a step that fails may do to a copy: which stage it is then reported at, and whether the copy
// may or must go on all the same.
#pragma once

#include "copy/copy.h"
#include "io/error.h"
#include "sim/scenario.h"

namespace arsync::sim {

// Whether the kernel could give this error for this call at all.
bool can_fail_with(const Step& step, int error);
bool fits(const Step& step, Stage stage);
bool means_no_room(int error);
bool may_survive(const Scenario& scenario, const Step& step, int error);
bool denies_linking(int error);
bool must_survive(const Step& step, int error);
// A transfer past the page cache, or that is to leave nothing there, where there is no such thing.
bool is_tried_otherwise(const arsync_copy_options& options, const Step& step, int error);
// Of extended attributes.
bool means_no_attribute(int error);
// A handle that is stale is to be got anew, so the copy is begun anew.
bool begins_anew(int error);
// That is waited for, but where what has its name already would have to begin anew.
bool ran_out_of_descriptors(const Outcome& outcome);
// Another name is taken where a temporary one is too long.
bool is_temporary_name(const std::string& path);
// A rename that is not to replace anything, of which this may say that there is none such.
bool may_mean_no_such_rename(int error);

} // namespace arsync::sim
