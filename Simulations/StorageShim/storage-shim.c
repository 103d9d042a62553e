// Stands between a program and the calls by which it changes files: records them in order, and makes some of them fail.
//
// Preloaded (LD_PRELOAD), it follows the files below one directory and lets all other calls through untouched. Three
// environment variables rule it; without the first one the other two may not be set, and with neither of these nothing
// is followed.
//
//   FASTX_SHIM_DIRECTORY   the directory, as an absolute path; it need not exist yet
//   FASTX_SHIM_RECORD      a file to which each successful call is appended
//   FASTX_SHIM_CONTROL     a file of 4096 bytes, mapped, by which a test makes calls fail
//
// THE RECORD. One record for each successful call, in the order in which the calls completed: one lock, shared by all
// threads and by all processes that record to the same file, is held over a call and its record. Numbers are little
// endian. A process that is killed may leave its last call without a record, or the last record cut off.
//
//   u32 magic           0x46585352
//   u32 kind            see below
//   u32 fileId          a file's number: a hash of its path, so the same in every process; 0 where the payload names
//                       files of which none is open
//   u32 flags           open: the flags of the call; write: bit 0 says that the descriptor is O_DSYNC or O_SYNC, bit 1
//                       that the call reported an error although it was carried out;
//                       rename and unlink: the flags of renameat2 or unlinkat
//   u64 offset          write: where the bytes went
//   u64 length          write: how many bytes; truncate: the new size
//   u64 payloadLength
//   u8  payload[]
//
//   kind  call                                                              payload
//   1     open, openat, creat                                               path
//   2     write, writev, pwrite, pwritev, pwritev2: one record for a call   the bytes written
//   3     fsync, fdatasync of a file                                        none
//   4     ftruncate, truncate, fallocate, posix_fallocate                   none
//   5     rename, renameat, renameat2                                       old path, NUL, new path
//   6     unlink, unlinkat, rmdir                                           path
//   7     link, linkat                                                      old path, NUL, new path
//   8     mkdir, mkdirat                                                    path
//   9     fsync, fdatasync of a directory                                   path
//
// Paths are relative to the directory, which itself is "."; of a rename or link with one end outside, that end is an
// absolute path. A descriptor keeps the number of the path that it was opened by, whatever the file is named later. An
// open with O_TRUNC empties the file, and is the only record of that.
//
// What is stored through a writable map of a file makes no call that could be recorded. LMDB does so with its lock
// file, whose contents do not outlive its processes; a program that maps another followed file so is ended. Thus msync
// has nothing to say. sync_file_range promises nothing, so it is not recorded, but it may be made to fail as kind 3.
//
// THE CONTROL FILE. Numbers as the machine stores them. Whoever writes them sets failFrom last.
//
//   u64 callCount       at  0   counts the calls of the kinds in kindMask, failed ones included
//   u64 failFrom        at  8   the number of the first call that fails, as callCount gives it; 0 for none
//   u64 failCount       at 16   how many calls fail from there on
//   u32 failErrno       at 24   the error, such as ENOSPC; 0 for a write that writes half of its bytes and returns that;
//                               with 0x10000 added, a write is carried out and recorded before it reports the error
//   u32 kindMask        at 28   bit (1 << kind) for each kind of call that is counted and may fail
//   u64 failedCount     at 32   counts the calls that failed or were cut short; other kinds than writes, and writes of
//                               less than two bytes, cannot be cut short: they are carried out and not counted here
//   u64 failedKinds     at 40   what failed: bit (1 << kind) for each kind, bit 0 for a write that is synchronous; set
//                               by the shim and cleared by the test
//
// Any other call that fails does nothing. Errors of the shim itself end the program with a message.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

_Static_assert(sizeof(off_t) == 8, "the calls with 64 in their names are aliases of those without");

enum kind {
    KIND_OPEN = 1,
    KIND_WRITE = 2,
    KIND_SYNC = 3,
    KIND_TRUNCATE = 4,
    KIND_RENAME = 5,
    KIND_UNLINK = 6,
    KIND_LINK = 7,
    KIND_MKDIR = 8,
    KIND_DIRECTORY_SYNC = 9,
};

struct record {
    uint32_t magic, kind, fileId, flags;
    uint64_t offset, length, payloadLength;
};
_Static_assert(sizeof(struct record) == 40, "a record has no padding");

struct control {
    _Atomic uint64_t callCount, failFrom, failCount;
    _Atomic uint32_t failErrno, kindMask;
    _Atomic uint64_t failedCount, failedKinds;
};
_Static_assert(offsetof(struct control, failedKinds) == 40, "the layout is the documented one");

enum { CONTROL_BYTES = 4096, DESCRIPTOR_COUNT = 1 << 20, PART_COUNT_MAX = 1024 };
static const uint32_t recordMagic = 0x46585352;

// What an open descriptor is for. Zero is a descriptor that is not followed.
struct descriptor {
    _Atomic uint32_t fileId;
    uint32_t openFlags;
    bool isDirectory, isLockFile;
};

static struct descriptor descriptors[DESCRIPTOR_COUNT];
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static bool isFollowing;
// The directory as it was given, and with symbolic links resolved.
static char directories[2][PATH_MAX];
static const char *recordPath;
static int recordDescriptor = -1;
static struct control *control;

#define CALLS(DO) \
    DO(open) DO(openat) DO(creat) DO(close) DO(close_range) DO(dup) DO(dup2) DO(dup3) DO(fcntl) DO(mmap) DO(write) \
    DO(writev) DO(pwrite) DO(pwritev) DO(pwritev2) DO(fsync) DO(fdatasync) DO(sync_file_range) DO(ftruncate) \
    DO(truncate) DO(fallocate) DO(posix_fallocate) DO(renameat2) DO(linkat) DO(unlinkat) DO(mkdirat)
#define DECLARE(name) static __typeof__(&name) real_##name;
#define RESOLVE(name) real_##name = (__typeof__(&name))find(#name);
CALLS(DECLARE)

// The beginning and the end.

static _Noreturn void give_up(const char *what, const char *which) {
    char text[2 * PATH_MAX];
    const char *reason = strerror(errno);
    int length = snprintf(text, sizeof text, "storage-shim: cannot %s %s: %s\n", what, which, reason);
    size_t count = (size_t)length < sizeof text ? (size_t)length : sizeof text - 1;
    // There is nobody left to tell where this does not work.
    (void)!syscall(SYS_write, STDERR_FILENO, text, count);
    abort();
}

static void *find(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL) give_up("find the function", name);
    return found;
}

static int raw_open(const char *path, int flags) {
    int descriptor = (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0600);
    if (descriptor < 0) give_up("open", path);
    return descriptor;
}

static void open_record(void) {
    if (recordPath != NULL) recordDescriptor = raw_open(recordPath, O_WRONLY | O_CREAT | O_APPEND);
}

static void lock_for_fork(void) { pthread_mutex_lock(&mutex); }
static void unlock_in_parent(void) { pthread_mutex_unlock(&mutex); }

// The lock between processes belongs to an open file, so a child needs one of its own.
static void unlock_in_child(void) {
    if (recordDescriptor >= 0) syscall(SYS_close, recordDescriptor);
    open_record();
    pthread_mutex_unlock(&mutex);
}

static void follow(const char *directory) {
    if (directory[0] != '/' || strlen(directory) >= PATH_MAX) {
        errno = EINVAL;
        give_up("follow the directory", directory);
    }
    for (int which = 0; which < 2; which++) strcpy(directories[which], directory);
    if (realpath(directory, directories[1]) == NULL) {
        if (errno != ENOENT) give_up("resolve", directory);
        // The directory is yet to be made: its parent is resolved.
        char parent[PATH_MAX];
        strcpy(parent, directory);
        char *name = strrchr(parent, '/');
        *name++ = 0;
        if (realpath(*parent ? parent : "/", directories[1]) == NULL) strcpy(directories[1], *parent ? parent : "/");
        if (strlen(directories[1]) + strlen(name) + 2 > PATH_MAX) give_up("resolve", directory);
        strcat(strcat(directories[1], "/"), name);
    }
    isFollowing = true;
}

static void map_control(const char *path) {
    int descriptor = raw_open(path, O_RDWR);
    struct stat status;
    if (fstat(descriptor, &status) != 0) give_up("read the size of", path);
    errno = EINVAL;
    if (status.st_size < CONTROL_BYTES) give_up("use, because it is shorter than 4096 bytes,", path);
    control = real_mmap(NULL, CONTROL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (control == MAP_FAILED) give_up("map", path);
    syscall(SYS_close, descriptor);
}

static void start(void) {
    CALLS(RESOLVE)
    const char *directory = getenv("FASTX_SHIM_DIRECTORY");
    const char *controlPath = getenv("FASTX_SHIM_CONTROL");
    recordPath = getenv("FASTX_SHIM_RECORD");
    if (recordPath == NULL && controlPath == NULL) return;
    errno = EINVAL;
    if (directory == NULL) give_up("do without the environment variable", "FASTX_SHIM_DIRECTORY");
    if (recordPath != NULL && (recordPath = strdup(recordPath)) == NULL) give_up("copy", "FASTX_SHIM_RECORD");
    open_record();
    if (controlPath != NULL) map_control(controlPath);
    follow(directory);
    if (pthread_atfork(lock_for_fork, unlock_in_parent, unlock_in_child) != 0) give_up("prepare for", "fork");
}

// Other libraries' constructors may come before this one, so every call makes sure of it too.
__attribute__((constructor)) static void begin(void) { pthread_once(&once, start); }

static void enter(void) {
    pthread_mutex_lock(&mutex);
    while (recordDescriptor >= 0 && flock(recordDescriptor, LOCK_EX) != 0) {
        if (errno != EINTR) give_up("lock", recordPath);
    }
}

static void leave(void) {
    int kept = errno;
    if (recordDescriptor >= 0 && flock(recordDescriptor, LOCK_UN) != 0) give_up("unlock", recordPath);
    pthread_mutex_unlock(&mutex);
    errno = kept;
}

// Paths.

// Brings an absolute path into its shortest form by its text alone.
static void normalise(char *path) {
    char *output = path;
    for (const char *input = path; *input != 0;) {
        while (*input == '/') input++;
        size_t length = strcspn(input, "/");
        if (length == 2 && input[0] == '.' && input[1] == '.') {
            while (output > path && *--output != '/') {}
        } else if (length > 0 && !(length == 1 && input[0] == '.')) {
            *output++ = '/';
            memmove(output, input, length);
            output += length;
        }
        input += length;
    }
    if (output == path) *output++ = '/';
    *output = 0;
}

static bool make_absolute(int at, const char *path, char *absolute) {
    size_t length = 0;
    if (path[0] != '/') {
        char link[64];
        ssize_t count;
        if (at == AT_FDCWD) strcpy(link, "/proc/self/cwd");
        else snprintf(link, sizeof link, "/proc/self/fd/%d", at);
        count = readlink(link, absolute, PATH_MAX - 1);
        if (count < 0) return false;
        length = (size_t)count;
        absolute[length++] = '/';
    }
    // The call itself refuses a path that is too long.
    if (length + strlen(path) >= PATH_MAX) return false;
    strcpy(absolute + length, path);
    normalise(absolute);
    return true;
}

// A path below the directory, relative to it; NULL for any other one, whose absolute form is in the buffer where it has
// one.
static const char *followed(int at, const char *path, char *buffer) {
    buffer[0] = 0;
    if (!isFollowing || path == NULL) return NULL;
    int kept = errno;
    bool isAbsolute = make_absolute(at, path, buffer);
    errno = kept;
    if (!isAbsolute) return NULL;
    for (int which = 0; which < 2; which++) {
        size_t length = strlen(directories[which]);
        if (strncmp(buffer, directories[which], length) != 0) continue;
        if (buffer[length] == 0) return ".";
        if (buffer[length] == '/') return buffer + length + 1;
    }
    return NULL;
}

static uint32_t file_id(const char *path) {
    uint32_t hash = 2166136261u;
    for (; *path != 0; path++) hash = (hash ^ (uint8_t)*path) * 16777619u;
    return hash == 0 ? 1 : hash;
}

// Descriptors.

static struct descriptor *find_descriptor(int number) {
    pthread_once(&once, start);
    if (!isFollowing || number < 0 || number >= DESCRIPTOR_COUNT) return NULL;
    struct descriptor *descriptor = &descriptors[number];
    return atomic_load_explicit(&descriptor->fileId, memory_order_acquire) == 0 ? NULL : descriptor;
}

static void set_descriptor(int number, const struct descriptor *source) {
    if (!isFollowing || number < 0) return;
    if (number >= DESCRIPTOR_COUNT) {
        if (source == NULL) return;
        errno = EMFILE;
        give_up("follow so many", "descriptors");
    }
    struct descriptor *target = &descriptors[number];
    if (source != NULL) {
        target->openFlags = source->openFlags;
        target->isDirectory = source->isDirectory;
        target->isLockFile = source->isLockFile;
    }
    uint32_t fileId = source == NULL ? 0 : atomic_load(&source->fileId);
    if (fileId != atomic_load(&target->fileId)) atomic_store_explicit(&target->fileId, fileId, memory_order_release);
}

// Failing and recording, both under the lock.

enum verdict { PROCEED, FAIL, CUT_SHORT, FAIL_LATE };

enum { CARRIED_OUT = 0x10000, ERROR_MASK = 0xffff };

static enum verdict judge_call(enum kind kind, uint64_t length, bool isSynchronousWrite) {
    if (control == NULL || (atomic_load(&control->kindMask) >> kind & 1) == 0) return PROCEED;
    uint64_t number = atomic_fetch_add(&control->callCount, 1) + 1;
    uint64_t from = atomic_load(&control->failFrom);
    if (from == 0 || number < from || number - from >= atomic_load(&control->failCount)) return PROCEED;
    int code = (int)atomic_load(&control->failErrno);
    if (code == 0 && (kind != KIND_WRITE || length < 2)) return PROCEED;
    atomic_fetch_or(&control->failedKinds, UINT64_C(1) << kind | (isSynchronousWrite ? 1 : 0));
    atomic_fetch_add(&control->failedCount, 1);
    errno = code & ERROR_MASK;
    if (code == 0) return CUT_SHORT;
    return (code & CARRIED_OUT) != 0 && kind == KIND_WRITE ? FAIL_LATE : FAIL;
}

static enum verdict judge(enum kind kind) { return judge_call(kind, 0, false); }

// Copies the first bytes of some parts, and returns how many parts these are.
static int cut(const struct iovec *parts, int count, uint64_t length, struct iovec *result) {
    int kept = 0;
    for (int index = 0; index < count && length > 0; index++) {
        if (parts[index].iov_len == 0) continue;
        result[kept] = parts[index];
        if (result[kept].iov_len > length) result[kept].iov_len = length;
        length -= result[kept++].iov_len;
    }
    return kept;
}

static void append(struct record record, const struct iovec *payload, int count) {
    if (recordDescriptor < 0) return;
    struct iovec parts[PART_COUNT_MAX + 1] = {{&record, sizeof record}};
    int left = 1 + cut(payload, count, record.payloadLength, parts + 1);
    record.magic = recordMagic;
    for (struct iovec *next = parts; left > 0;) {
        int now = left > PART_COUNT_MAX ? PART_COUNT_MAX : left;
        ssize_t written = syscall(SYS_writev, recordDescriptor, next, now);
        if (written < 0 && errno != EINTR) give_up("append to", recordPath);
        for (size_t rest = written < 0 ? 0 : (size_t)written; rest > 0;) {
            size_t taken = rest < next->iov_len ? rest : next->iov_len;
            next->iov_base = (char *)next->iov_base + taken;
            next->iov_len -= taken;
            rest -= taken;
            if (next->iov_len == 0) next++, left--;
        }
    }
}

static void append_path(struct record record, const char *path) {
    struct iovec part = {(void *)path, strlen(path)};
    record.payloadLength = part.iov_len;
    append(record, &part, 1);
}

static void append_two_paths(struct record record, const char *old, const char *new) {
    struct iovec parts[] = {{(void *)old, strlen(old) + 1}, {(void *)new, strlen(new)}};
    record.payloadLength = parts[0].iov_len + parts[1].iov_len;
    append(record, parts, 2);
}

// Opening and closing.

static int open_at(int at, const char *path, int flags, mode_t mode) {
    char buffer[PATH_MAX];
    pthread_once(&once, start);
    const char *relative = followed(at, path, buffer);
    if (relative == NULL) {
        int opened = real_openat(at, path, flags, mode);
        set_descriptor(opened, NULL);
        return opened;
    }
    enter();
    int opened = judge(KIND_OPEN) == FAIL ? -1 : real_openat(at, path, flags, mode);
    if (opened >= 0) {
        struct stat status;
        if (fstat(opened, &status) != 0) give_up("read the type of", path);
        const char *slash = strrchr(relative, '/');
        struct descriptor descriptor = {
            .fileId = file_id(relative), .openFlags = (uint32_t)flags, .isDirectory = S_ISDIR(status.st_mode),
            .isLockFile = strcmp(slash == NULL ? relative : slash + 1, "lock.mdb") == 0};
        set_descriptor(opened, &descriptor);
        struct record record = {.kind = KIND_OPEN, .fileId = descriptor.fileId, .flags = (uint32_t)flags};
        append_path(record, relative);
    }
    leave();
    return opened;
}

static bool takes_mode(int flags) { return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE; }

int openat(int at, const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = takes_mode(flags) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return open_at(at, path, flags, mode);
}

int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = takes_mode(flags) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return open_at(AT_FDCWD, path, flags, mode);
}

int creat(const char *path, mode_t mode) { return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

// The names by which code compiled with checks calls them.
int __open_2(const char *path, int flags) { return open_at(AT_FDCWD, path, flags, 0); }
int __openat_2(int at, const char *path, int flags) { return open_at(at, path, flags, 0); }

// Without the lock, because a child made without the C library's knowledge may find it taken for ever.
int close(int number) {
    // Forgotten first: once it is closed, another thread may be given the number.
    if (find_descriptor(number) != NULL) set_descriptor(number, NULL);
    return real_close(number);
}

int close_range(unsigned first, unsigned last, int flags) {
    pthread_once(&once, start);
    if ((flags & CLOSE_RANGE_CLOEXEC) == 0) {
        for (unsigned number = first; number <= last && number < DESCRIPTOR_COUNT; number++) {
            if (find_descriptor((int)number) != NULL) set_descriptor((int)number, NULL);
        }
    }
    return real_close_range(first, last, flags);
}

int dup(int number) {
    pthread_once(&once, start);
    int made = real_dup(number);
    set_descriptor(made, find_descriptor(number));
    return made;
}

int dup2(int number, int target) {
    pthread_once(&once, start);
    int made = real_dup2(number, target);
    if (made != number) set_descriptor(made, find_descriptor(number));
    return made;
}

int dup3(int number, int target, int flags) {
    pthread_once(&once, start);
    int made = real_dup3(number, target, flags);
    set_descriptor(made, find_descriptor(number));
    return made;
}

int fcntl(int number, int command, ...) {
    va_list rest;
    va_start(rest, command);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    pthread_once(&once, start);
    int result = real_fcntl(number, command, argument);
    if (command == F_DUPFD || command == F_DUPFD_CLOEXEC) set_descriptor(result, find_descriptor(number));
    return result;
}

void *mmap(void *address, size_t length, int protection, int flags, int number, off_t offset) {
    pthread_once(&once, start);
    struct descriptor *file = (flags & MAP_ANONYMOUS) != 0 ? NULL : find_descriptor(number);
    bool isShared = (flags & MAP_TYPE) != MAP_PRIVATE;
    if (file != NULL && !file->isLockFile && isShared && (protection & PROT_WRITE) != 0) {
        errno = ENOTSUP;
        give_up("record what is stored through", "a writable map of a followed file");
    }
    return real_mmap(address, length, protection, flags, number, offset);
}

// Writing.

static ssize_t write_parts(
    int number, struct descriptor *file, const struct iovec *parts, int count, off_t offset, int flags) {
    struct iovec own[PART_COUNT_MAX];
    uint64_t length = 0;
    for (int index = 0; index < count; index++) length += parts[index].iov_len;
    enter();
    bool isSynchronous = (file->openFlags & (O_DSYNC | O_SYNC)) != 0 || (flags & (RWF_DSYNC | RWF_SYNC)) != 0;
    enum verdict verdict = judge_call(KIND_WRITE, length, isSynchronous);
    ssize_t written = -1;
    if (verdict == CUT_SHORT) {
        count = cut(parts, count, length / 2, own);
        parts = own;
    }
    if (verdict != FAIL) written = real_pwritev2(number, parts, count, offset, flags);
    if (written > 0 && recordDescriptor >= 0) {
        struct stat status;
        if (offset < 0) offset = lseek(number, 0, SEEK_CUR) - written;
        if ((file->openFlags & O_APPEND) != 0) {
            if (fstat(number, &status) != 0) give_up("read the size of", "a file that is appended to");
            offset = status.st_size - written;
        }
        struct record record = {
            .kind = KIND_WRITE, .fileId = file->fileId, .flags = isSynchronous | (verdict == FAIL_LATE ? 2 : 0),
            .offset = (uint64_t)offset, .length = (uint64_t)written, .payloadLength = (uint64_t)written};
        append(record, parts, count);
    }
    if (verdict == FAIL_LATE) {
        errno = (int)atomic_load(&control->failErrno) & ERROR_MASK;
        written = -1;
    }
    leave();
    return written;
}

ssize_t write(int number, const void *bytes, size_t count) {
    struct descriptor *file = find_descriptor(number);
    if (file == NULL) return real_write(number, bytes, count);
    struct iovec part = {(void *)bytes, count};
    return write_parts(number, file, &part, 1, -1, 0);
}

ssize_t writev(int number, const struct iovec *parts, int count) {
    struct descriptor *file = find_descriptor(number);
    if (file == NULL || count < 0 || count > PART_COUNT_MAX) return real_writev(number, parts, count);
    return write_parts(number, file, parts, count, -1, 0);
}

ssize_t pwrite(int number, const void *bytes, size_t count, off_t offset) {
    struct descriptor *file = find_descriptor(number);
    if (file == NULL || offset < 0) return real_pwrite(number, bytes, count, offset);
    struct iovec part = {(void *)bytes, count};
    return write_parts(number, file, &part, 1, offset, 0);
}

ssize_t pwritev(int number, const struct iovec *parts, int count, off_t offset) {
    struct descriptor *file = find_descriptor(number);
    bool isWrong = count < 0 || count > PART_COUNT_MAX || offset < 0;
    if (file == NULL || isWrong) return real_pwritev(number, parts, count, offset);
    return write_parts(number, file, parts, count, offset, 0);
}

ssize_t pwritev2(int number, const struct iovec *parts, int count, off_t offset, int flags) {
    struct descriptor *file = find_descriptor(number);
    bool isWrong = count < 0 || count > PART_COUNT_MAX || offset < -1;
    if (file == NULL || isWrong) return real_pwritev2(number, parts, count, offset, flags);
    return write_parts(number, file, parts, count, offset, flags);
}

// Syncing and sizes.

static int synchronise(int number, struct descriptor *file, int (*call)(int)) {
    enum kind kind = file->isDirectory ? KIND_DIRECTORY_SYNC : KIND_SYNC;
    struct record record = {.kind = kind, .fileId = file->fileId};
    enter();
    int status = judge(kind) == FAIL ? -1 : call(number);
    if (status == 0 && file->isDirectory) {
        char buffer[PATH_MAX];
        const char *relative = followed(number, ".", buffer);
        if (relative == NULL) give_up("find the path of", "a directory that is synced");
        append_path(record, relative);
    } else if (status == 0) {
        append(record, NULL, 0);
    }
    leave();
    return status;
}

int fsync(int number) {
    struct descriptor *file = find_descriptor(number);
    return file == NULL ? real_fsync(number) : synchronise(number, file, real_fsync);
}

int fdatasync(int number) {
    struct descriptor *file = find_descriptor(number);
    return file == NULL ? real_fdatasync(number) : synchronise(number, file, real_fdatasync);
}

int sync_file_range(int number, off_t offset, off_t count, unsigned flags) {
    if (find_descriptor(number) == NULL) return real_sync_file_range(number, offset, count, flags);
    enter();
    int status = judge(KIND_SYNC) == FAIL ? -1 : real_sync_file_range(number, offset, count, flags);
    leave();
    return status;
}

static void append_size(uint32_t fileId, uint64_t size) {
    append((struct record){.kind = KIND_TRUNCATE, .fileId = fileId, .length = size}, NULL, 0);
}

int ftruncate(int number, off_t size) {
    struct descriptor *file = find_descriptor(number);
    if (file == NULL) return real_ftruncate(number, size);
    enter();
    int status = judge(KIND_TRUNCATE) == FAIL ? -1 : real_ftruncate(number, size);
    if (status == 0) append_size(file->fileId, (uint64_t)size);
    leave();
    return status;
}

int truncate(const char *path, off_t size) {
    char buffer[PATH_MAX];
    pthread_once(&once, start);
    const char *relative = followed(AT_FDCWD, path, buffer);
    if (relative == NULL) return real_truncate(path, size);
    enter();
    int status = judge(KIND_TRUNCATE) == FAIL ? -1 : real_truncate(path, size);
    if (status == 0) append_size(file_id(relative), (uint64_t)size);
    leave();
    return status;
}

static void append_present_size(int number, struct descriptor *file) {
    struct stat status;
    if (fstat(number, &status) != 0) give_up("read the size of", "a file that was allocated");
    append_size(file->fileId, (uint64_t)status.st_size);
}

int fallocate(int number, int mode, off_t offset, off_t length) {
    struct descriptor *file = find_descriptor(number);
    if (file == NULL) return real_fallocate(number, mode, offset, length);
    if ((mode & ~FALLOC_FL_KEEP_SIZE) != 0) {
        // The record has no word for what other modes do.
        errno = EOPNOTSUPP;
        return -1;
    }
    enter();
    int status = judge(KIND_TRUNCATE) == FAIL ? -1 : real_fallocate(number, mode, offset, length);
    if (status == 0) append_present_size(number, file);
    leave();
    return status;
}

// It returns its error instead of leaving it in errno.
int posix_fallocate(int number, off_t offset, off_t length) {
    struct descriptor *file = find_descriptor(number);
    if (file == NULL) return real_posix_fallocate(number, offset, length);
    enter();
    int code = judge(KIND_TRUNCATE) == FAIL ? errno : real_posix_fallocate(number, offset, length);
    if (code == 0) append_present_size(number, file);
    leave();
    return code;
}

// Names.

int renameat2(int oldAt, const char *old, int newAt, const char *new, unsigned flags) {
    char oldBuffer[PATH_MAX], newBuffer[PATH_MAX];
    pthread_once(&once, start);
    const char *oldRelative = followed(oldAt, old, oldBuffer), *newRelative = followed(newAt, new, newBuffer);
    if (oldRelative == NULL && newRelative == NULL) return real_renameat2(oldAt, old, newAt, new, flags);
    enter();
    int status = judge(KIND_RENAME) == FAIL ? -1 : real_renameat2(oldAt, old, newAt, new, flags);
    if (status == 0) {
        struct record record = {.kind = KIND_RENAME, .flags = flags};
        append_two_paths(
            record, oldRelative == NULL ? oldBuffer : oldRelative, newRelative == NULL ? newBuffer : newRelative);
    }
    leave();
    return status;
}

int renameat(int oldAt, const char *old, int newAt, const char *new) { return renameat2(oldAt, old, newAt, new, 0); }

int rename(const char *old, const char *new) { return renameat2(AT_FDCWD, old, AT_FDCWD, new, 0); }

int linkat(int oldAt, const char *old, int newAt, const char *new, int flags) {
    char oldBuffer[PATH_MAX], newBuffer[PATH_MAX];
    pthread_once(&once, start);
    const char *oldRelative = followed(oldAt, old, oldBuffer), *newRelative = followed(newAt, new, newBuffer);
    if (oldRelative == NULL && newRelative == NULL) return real_linkat(oldAt, old, newAt, new, flags);
    enter();
    int status = judge(KIND_LINK) == FAIL ? -1 : real_linkat(oldAt, old, newAt, new, flags);
    if (status == 0) {
        append_two_paths(
            (struct record){.kind = KIND_LINK}, oldRelative == NULL ? oldBuffer : oldRelative,
            newRelative == NULL ? newBuffer : newRelative);
    }
    leave();
    return status;
}

int link(const char *old, const char *new) { return linkat(AT_FDCWD, old, AT_FDCWD, new, 0); }

int unlinkat(int at, const char *path, int flags) {
    char buffer[PATH_MAX];
    pthread_once(&once, start);
    const char *relative = followed(at, path, buffer);
    if (relative == NULL) return real_unlinkat(at, path, flags);
    enter();
    int status = judge(KIND_UNLINK) == FAIL ? -1 : real_unlinkat(at, path, flags);
    if (status == 0) append_path((struct record){.kind = KIND_UNLINK, .flags = (uint32_t)flags}, relative);
    leave();
    return status;
}

int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }

int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int mkdirat(int at, const char *path, mode_t mode) {
    char buffer[PATH_MAX];
    pthread_once(&once, start);
    const char *relative = followed(at, path, buffer);
    if (relative == NULL) return real_mkdirat(at, path, mode);
    enter();
    int status = judge(KIND_MKDIR) == FAIL ? -1 : real_mkdirat(at, path, mode);
    if (status == 0) append_path((struct record){.kind = KIND_MKDIR}, relative);
    leave();
    return status;
}

int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

// The same calls by their second names.
#define ALIAS(name) __attribute__((alias(#name)))
int open64(const char *, int, ...) ALIAS(open);
int openat64(int, const char *, int, ...) ALIAS(openat);
int creat64(const char *, mode_t) ALIAS(creat);
int __open64_2(const char *, int) ALIAS(__open_2);
int __openat64_2(int, const char *, int) ALIAS(__openat_2);
int fcntl64(int, int, ...) ALIAS(fcntl);
void *mmap64(void *, size_t, int, int, int, off_t) ALIAS(mmap);
ssize_t pwrite64(int, const void *, size_t, off_t) ALIAS(pwrite);
ssize_t pwritev64(int, const struct iovec *, int, off_t) ALIAS(pwritev);
ssize_t pwritev64v2(int, const struct iovec *, int, off_t, int) ALIAS(pwritev2);
int ftruncate64(int, off_t) ALIAS(ftruncate);
int truncate64(const char *, off_t) ALIAS(truncate);
int fallocate64(int, int, off_t, off_t) ALIAS(fallocate);
int posix_fallocate64(int, off_t, off_t) ALIAS(posix_fallocate);
