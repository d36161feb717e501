/* A whole session of two members in one thread: afterwards the process still has one. */
#define _DEFAULT_SOURCE
#define main session_main
#include "../../../../examples/c/session.c"
#undef main

#include <dirent.h>

static int threads(void)
{
    int count = 0;
    struct dirent *entry;
    DIR *tasks = opendir("/proc/self/task");
    check("a list of threads", tasks != NULL);
    while ((entry = readdir(tasks)) != NULL) {
        count += entry->d_name[0] != '.';
    }
    closedir(tasks);
    return count;
}

int main(void)
{
    check("one thread before", threads() == 1);
    check("the session", session_main() == 0);
    if (threads() != 1) {
        fprintf(stderr, "%d threads after the session\n", threads());
        return 1;
    }
    printf("one thread, as it should be\n");
    return 0;
}
