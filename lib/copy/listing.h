// The names in an open directory, a buffer of them at a time.
#pragma once

#include <memory>
#include <string_view>

#include "io/error.h"
#include "io/files.h"

namespace arsync {

class Listing {
public:
    struct Name {
        const char* text;   // valid until the next fill()
        unsigned char type; // DT_*
        int64_t end;        // its position: where the next name begins
        uint64_t inode;
    };

    // Some two hundred names: enough to make a batch of, little enough to hold many.
    static constexpr size_t usual_size = 8192;
    explicit Listing(size_t size = usual_size) : size_(size) {}

    // Take in the next names. False: there are none left. Errors are thrown with `stage`.
    bool fill(Files& files, int fd, Stage stage);
    // The next name that was taken in, without "." and ".."; text is null after the last.
    Name next();
    // Of the names that next() has not given, the second half, which it will not give any more.
    // Null: there are not two. From the end of one's own a thread gives to another.
    std::unique_ptr<Listing> split();
    size_t names_left() const { return names_left_; } // that next() has not given
    // What fill() has taken in, in the order of the inodes.
    void sort_by_inode();
    // The next again is the first of those that were taken in.
    void begin_again();
    bool is_empty() const { return length_ == 0; }
    // Whether no further name might have had room: there are likely to be more.
    bool is_full() const { return length_ > size_ - 2 * 280; }
    // Where the names end that were taken in. Positions are for Files::set_list_position.
    int64_t position() const { return position_; }

private:
    size_t size_; // of the records, in bytes
    std::unique_ptr<std::byte[]> records_;
    size_t length_ = 0;
    size_t at_ = 0;
    size_t names_left_ = 0; // from there on, "." and ".." among them
    int64_t position_ = 0;
};

} // namespace arsync
