#include "entry.h"

#include <utility>

namespace cp {

const char* outcome_name(Outcome outcome) {
    switch (outcome) {
    case Outcome::Copied:
        return "copied";
    case Outcome::Linked:
        return "linked";
    case Outcome::Skipped:
        return "skipped";
    case Outcome::Failed:
        return "failed";
    case Outcome::Cancelled:
        return "cancelled";
    case Outcome::Pending:
        break;
    }
    return "pending";
}

void Entry::chat(std::string text) {
    lines.push_back({Line::Kind::Chat, std::move(text)});
}

void Entry::complain(std::string message) {
    if (first_complaint.empty())
        first_complaint = message;
    lines.push_back({Line::Kind::Complaint, std::move(message)});
}

void Entry::tell_script(std::string line) {
    lines.push_back({Line::Kind::Script, std::move(line)});
}

void Entry::fail(std::string message) {
    complain(std::move(message));
    outcome = Outcome::Failed;
}

} // namespace cp
