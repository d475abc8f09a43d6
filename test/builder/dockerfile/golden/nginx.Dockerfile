FROM nginx:1.29-alpine
MAINTAINER Somebody <somebody@example.com>
LABEL description A site with "quotes"
RUN rm -rf /usr/share/nginx/html/* /etc/nginx/conf.d/default.conf
COPY nginx/*.conf /etc/nginx/conf.d/
COPY --chmod=0644 public/ /usr/share/nginx/html/
EXPOSE 80 443
STOPSIGNAL 3
HEALTHCHECK NONE
CMD ["nginx", "-g", "daemon off;"]
