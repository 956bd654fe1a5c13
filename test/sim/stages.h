// What a step that fails may do to a copy: which stage it is then reported at, and whether the copy
// may or must go on all the same.
#pragma once

#include "io/error.h"
#include "sim/scenario.h"

namespace arsync::sim {

// Whether the kernel could give this error for this call at all.
bool can_fail_with(const Step& step, int error);
bool fits(const Step& step, Stage stage);
bool may_survive(const Scenario& scenario, const Step& step, int error);
bool denies_linking(int error);
bool must_survive(const Step& step, int error);
// A handle that is stale is to be got anew, so the copy is begun anew.
bool begins_anew(int error);
// Another name is taken where a temporary one is too long.
bool is_temporary_name(const std::string& path);
// A rename that is not to replace anything, of which this may say that there is none such.
bool may_mean_no_such_rename(int error);

} // namespace arsync::sim
