

# just a comment \
FROM busybox \
# inside
  AS \

  Mixed

  run echo one \   
\
   # deeper \
	&& echo "two # no comment" \
# 
   && echo three \\
RUN ["echo", \
  "exec", \
  # inside of an array
  "form"]
ENV A=1 \
    # B comes next
    B="x \
y" \

    C=z
COPY \
  --chown=1:1 \
  --chmod=\
644 \
  a \
  b \
  /c/
RUN \
  --mount=type=secret,id=a \
  --mount=type=ssh \
  -- --not-a-flag \
  last \
