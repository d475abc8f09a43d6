# syntax=docker/dockerfile:1
FROM debian:bookworm
ARG NAME=world
RUN <<EOF
set -e
# this is no comment of the Dockerfile
echo "hello $NAME" \
  > /greeting
EOF
RUN <<'PYTHON'
#!/usr/bin/env python3
print("it's me")
PYTHON
RUN cat <<-ONE > /one && cat <<"TWO" > /two
	first
		second $HOME
	ONE
third $HOME
TWO
COPY <<motd <<"raw.conf" <<-tabs /etc/
Hello $NAME,
  "welcome"
motd
path = $PATH
raw.conf
	one
	tabs
ADD --chown=1:1 --chmod=600 <<.env /app/.env
KEY=${NAME}
.env
RUN python3 -c 'print(1 << 2)'
RUN cat <<<nothing
ONBUILD RUN <<EOF
make
EOF
CMD cat <<EOF
