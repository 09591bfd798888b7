#!/bin/sh
# Compiles a crate of the workspace with planted bugs; its dependencies stay as they are.
exec "$@" --cfg planted
