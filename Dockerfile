# The official image of PostgreSQL with hamnet:  docker build -t hamnet .
ARG PG_MAJOR=17
FROM postgres:${PG_MAJOR}-trixie
COPY . /tmp/hamnet
RUN /tmp/hamnet/scripts/image.sh && rm -rf /tmp/hamnet
