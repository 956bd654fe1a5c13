# abi-facts.awk - from a preprocessed header (cc -E -dD -P), write a C program that prints what programs have of it
# compiled in: each constant's value, each struct's size, and each field's place, size and type.
#
# "may grow" stands for the size of a struct that has struct_size.
BEGIN {
    print "#include <arsync.h>\n#include <stdio.h>"
    print "#define TYPE(x) _Generic(x, uint16_t: \"u16\", int16_t: \"i16\", uint32_t: \"u32\", int32_t: \"i32\", \\"
    print "    uint64_t: \"u64\", int64_t: \"i64\", char: \"char\", default: \"other\")"
    print "int main(void) {"
}
function constant(name) { printf "    printf(\"%s = %%lld\\n\", (long long)(%s));\n", name, name }

# The version is to change, and what has no number is no constant.
/^#define ARSYNC_[A-Z0-9_]+ +[-~0-9(]/ && !/ARSYNC_VERSION/ { constant($2) }

/^enum [a-z_]+ \{/ { of_enum = 1; next }
of_enum && /^ +ARSYNC_/ { constant($1) }

/^typedef struct [a-z_]+ \{/ { struct = $3; grows = 0; next }
struct && /^\} / {
    if (grows) printf "    puts(\"struct %s may grow\");\n", struct
    else printf "    printf(\"struct %s has %%zu bytes\\n\", sizeof(%s));\n", struct, struct
    struct = ""
}
struct && / struct_size;/ { grows = 1 }
struct && match($0, /[a-z_0-9]+(\[[0-9]+\])?;/) {
    field = substr($0, RSTART, RLENGTH - 1)
    sub(/\[.*/, "", field)
    place = "((" struct "*)0)->" field
    printf "    printf(\"%s.%s at %%zu of %%zu bytes, %%s\\n\", offsetof(%s, %s), sizeof(%s), ", struct, field, struct, field, place
    printf "TYPE(%s));\n", $0 ~ /\[/ ? place "[0]" : place
}
/^\}/ { of_enum = 0 }
END { print "    return 0;\n}" }
