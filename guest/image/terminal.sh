#!/bin/sh
# Runs inside a fresh terminal: sets its size, says its name, then becomes the command that is to have it.
stty raw -echo rows "$TERMINAL_ROWS" cols "$TERMINAL_COLUMNS"
tty >"$TERMINAL_NAME_FILE"
exec $TERMINAL_COMMAND
