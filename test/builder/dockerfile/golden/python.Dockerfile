ARG PYTHON=3.13
FROM python:${PYTHON}-slim-bookworm as builder

ENV PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE="1" PYTHONUNBUFFERED='1'
ENV LANG C.UTF-8

RUN set -eux; \
	# needed to compile wheels
	apt-get update; \
	apt-get install -y --no-install-recommends \
		build-essential \
		# for psycopg
		libpq-dev \
	; \
	rm -rf /var/lib/apt/lists/*

COPY requirements.txt .
RUN python -m venv /venv && /venv/bin/pip install -r requirements.txt

FROM python:${PYTHON}-slim-bookworm
COPY --from=builder /venv /venv
COPY ["src/my app", "/srv/my app/"]
WORKDIR "/srv/my app"
VOLUME ["/data", "/var/log/app"]
ENV PATH="/venv/bin:$PATH"
CMD exec gunicorn --bind :${PORT:-8000} app:app
