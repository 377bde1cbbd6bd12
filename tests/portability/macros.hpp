#pragma once
// Names that other people's headers define as macros, as nonsense: what follows must do without them. min and max are
// not among them: the library refuses them in a sentence.

// Qt
#define slots ?
#define signals ?
#define emit ?
#define foreach ?
#define forever ?
// windows.h and what it includes
#define small ?
#define near ?
#define far ?
#define interface ?
#define IN ?
#define OUT ?
#define OPTIONAL ?
#define ERROR ?
#define DELETE ?
#define CONST ?
#define VOID ?
#define ABSOLUTE ?
#define RELATIVE ?
#define TRANSPARENT ?
#define STRICT ?
#define IGNORE ?
#define INFINITE ?
#define DIFFERENCE ?
#define pascal ?
#define cdecl ?
#define grp1 ?
#define rad1 ?
// complex.h, sys/sysmacros.h, termios.h, ctype.h of some systems
#define I ?
#define imaginary ?
#define major ?
#define minor ?
#define B0 ?
#define B1 ?
#define B50 ?
#define B75 ?
#define B110 ?
#define _A ?
#define _B ?
#define _C ?
#define _L ?
#define _N ?
#define _P ?
#define _S ?
#define _U ?
#define _X ?
// the compiler itself, with -std=gnu++20
#undef linux
#undef unix
#define linux ?
#define unix ?
// macOS
#define check ?
#define verify ?
#define require ?
#define nil ?
#define Nil ?
#define YES ?
#define NO ?
// X11
#define Always ?
#define Bool ?
#define Complex ?
#define CursorShape ?
#define None ?
#define Status ?
#define Success ?
#define Unsorted ?
// an old name of strchr, and POSIX's function in scope
#include <strings.h>
#define index(string, letter) ?
