// What every test file of this suite starts with.
#pragma once

#include <doctest/doctest.h>

#include "system/clean.h"
#include "system/content.h"
#include "system/pool.h"
#include "system/scratch.h"
