FROM scratch
ENV ONE=a\ b TWO="c d"e'f g' THREE=\"x\" FOUR='' FIVE=$ONE:${TWO:-"y z"} SIX=a=b
ENV LEGACY   with  several   blanks "and quotes"
ARG X="a b" Y='c' Z
LABEL "a key"="a value" multi.label='1' \
      other=$X
COPY a\ b "c d" /
COPY ["a", "b c", "/d/"]
ADD [ not json ] /
RUN [ -f /x ] && echo ["a"]
RUN ["/bin/echo", "\u00e9\t\"x\""]
RUN --mount="type=cache,target=/a b" --mount=type=tmpfs,target=/t,size=10m true
EXPOSE 80 443/tcp ${PORTS} 8000-8010
VOLUME /a "/b c"
WORKDIR /with blanks/in it
USER ${UID:-1000}:${GID:-1000}
ENTRYPOINT []
CMD
