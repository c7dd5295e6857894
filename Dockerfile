# The command `tenxsom`, with the English voice, notifications and the dashboard, for a user without rights. docs/how-to/run-in-a-container.md
FROM python:3.13-slim-bookworm AS build

WORKDIR /src
RUN python -m venv /opt/tenxsom
ENV PATH=/opt/tenxsom/bin:$PATH \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

# the libraries first: a change of the program does not install them again
COPY requirements.txt requirements-voice.txt ./
RUN pip install -r requirements.txt -r requirements-voice.txt

COPY pyproject.toml README.md ./
COPY templates templates/
COPY tenxsom_studio tenxsom_studio/
COPY tenxsom tenxsom/
# every version is bounded by pyproject.toml
# hadolint ignore=DL3013
RUN pip install '.[voice,notify,dashboard,objects,postgres]'


FROM python:3.13-slim-bookworm

COPY --from=build /opt/tenxsom /opt/tenxsom
# FriBiDi orders the letters of captions in Arabic, Hebrew and the Indic scripts; its version is Debian's
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends libfribidi0 && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /data tenxsom \
    && install --directory --owner tenxsom --group tenxsom --mode 0750 /data

ENV PATH=/opt/tenxsom/bin:$PATH \
    TENXSOM_HOME=/data \
    PYTHONUNBUFFERED=1
VOLUME /data
WORKDIR /data
USER 10001

# Healthy is: a tick ran in the last quarter of an hour. Its note is a file's time.
HEALTHCHECK --interval=5m --timeout=10s --start-period=15m \
    CMD ["sh", "-c", "test -n \"$(find \"$TENXSOM_HOME/pending_video_jobs/.last_tick\" -mmin -15)\""]

ENTRYPOINT ["tenxsom"]
CMD ["collect", "--watch", "120"]
