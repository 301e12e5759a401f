/* main.c - the `limn` command. */
int main(void) { return 0; }
